from kerastricks.data.names import shown


def test_bytes_that_are_no_text_are_escaped():
    """The byte E9 is é in Latin-1 and nothing in UTF-8."""
    assert shown("caf\udce9") == r"caf\udce9"
    assert shown("café") == "café"
