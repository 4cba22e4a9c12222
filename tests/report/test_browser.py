"""The pages in a real browser."""

import json
import shutil
import subprocess

import pytest

CHROMIUM = shutil.which("chromium")
NASTY = "<script>alert(1)</script>"
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--enable-logging=stderr", "--v=0"),
    "--host-resolver-rules=MAP * ~NOTFOUND",  # what the browser asks for on its own account does not leave the machine
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium"),
]


@pytest.fixture
def open_page(tmp_path):
    """Opens a page, and returns its document, what the console said and the addresses that the page asked for."""

    def opened(html):
        page, log = tmp_path / "page.html", tmp_path / "network.json"
        page.write_text(html, encoding="utf-8")
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        command = [CHROMIUM, *OPTIONS, profile, f"--log-net-log={log}", "--dump-dom", page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        events = json.loads(log.read_text(encoding="utf-8"))["events"]
        requests = [event["params"] for event in events if "initiator" in event.get("params", {})]
        addresses = {request["url"] for request in requests if request["initiator"] != "not an origin"}
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return done.stdout, console, {url for url in addresses if not url.startswith(("file:", "data:"))}

    return opened


def check(document, console, addresses, plots):
    assert console == []
    assert addresses == set()
    assert document.count("<svg") == plots
    assert "<script" not in document
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in document


def test_the_page_of_an_ablation(open_page, ablation):
    from kerastricks.report.ablation import ablation_page

    check(*open_page(ablation_page(ablation())), plots=7)


@pytest.mark.parametrize(("classes", "plots"), [(3, 7), (30, 6)])
def test_the_page_of_a_run(open_page, training, classes, plots):
    check(*open_page(training(classes)), plots)


def test_the_page_of_an_evaluation(open_page, evaluated):
    from kerastricks.report.evaluation import evaluation_page

    check(*open_page(evaluation_page(*evaluated)), plots=6)


def test_would_notice(open_page):
    html = f"<link rel=icon href=data:,>{NASTY.replace('alert(1)', 'nothing()')}<img src=http://localhost:9/image.png>"
    _, console, addresses = open_page(html)
    assert "nothing is not defined" in "".join(console)
    assert addresses == {"http://localhost:9/image.png"}
