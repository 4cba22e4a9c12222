from kerastricks.data.names import few, shown


def test_bytes_that_are_no_text_are_escaped():
    """The byte E9 is é in Latin-1 and nothing in UTF-8."""
    assert shown("caf\udce9") == r"caf\udce9"
    assert shown("café") == "café"


def test_three_names_are_told_and_the_others_counted():
    assert few(["a", "b", "c"]) == "a, b, c"
    assert few(["a", "caf\udce9", "c", "d", "e"]) == r"a, caf\udce9, c and 2 more"


def test_a_name_stays_on_its_line_and_moves_no_cursor():
    """Line ends, an escape sequence, a bell, and a mark that reverses what follows."""
    assert shown("a\nb\r\tc") == r"a\nb\r\tc"
    assert shown("\x1b[31mred\x07\x9b") == r"\x1b[31mred\x07\x9b"
    assert shown("photo\u202egpj.exe\u2028") == r"photo\u202egpj.exe\u2028"
    assert shown("日本 👩‍🔬 é.png") == "日本 👩‍🔬 é.png"
