from maillage_directory.languages import canonical_language, language_name, written_language


def test_a_language_has_one_code() -> None:
    assert [canonical_language(code) for code in ("ar", "ara", "arb")] == ["ar"] * 3
    assert [canonical_language(code) for code in ("nld", "dut", "lin", "swa")] == [
        *("nl", "nl", "ln", "sw")
    ]


def test_a_language_without_two_letters_keeps_its_three() -> None:
    # Dari, and the sign languages of both communities.
    assert [canonical_language(code) for code in ("prs", "sfb", "vgt")] == ["prs", "sfb", "vgt"]


def test_two_letters_that_name_nothing_are_no_language() -> None:
    assert canonical_language("xx") is None


def test_texts_are_in_languages_that_have_a_name() -> None:
    assert [written_language(code) for code in ("fr", "fra", "nld", "prs", "und")] == [
        *("fr", "fr", "nl", "prs", "und")
    ]
    assert [written_language(code) for code in ("xx", "xyz", "sfb")] == [None] * 3


def test_languages_are_named_for_who_reads() -> None:
    assert [language_name("ti", language) for language in ("fr", "nl", "en")] == [
        *("tigrigna", "Tigrinya", "Tigrinya")
    ]
    assert language_name("prs", "fr") == "dari"
    assert language_name("sfb", "nl") == "sfb"
