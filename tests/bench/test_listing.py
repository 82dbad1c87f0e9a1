from __future__ import annotations

import json

import pytest

from bench.listing import FILTERS, PAGES, main


def test_every_question_is_answered_and_nothing_scans(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--jobs", "3000", "--json"])

    figures = json.loads(capsys.readouterr().out)
    assert figures["scans"] == 0
    found = {each["what"]: each["found"] for each in figures["pages"] + figures["filters"]}
    assert len(found) == len(PAGES) + len(FILTERS)
    assert (found["dead"], found["500 complete"], found["one key"]) == (50, 500, 1)
    assert found["dead by error text"] == 200
