from pathlib import Path

from maillage_local.stack import Marks, digest


def test_step_is_done_for_one_input_only(tmp_path: Path) -> None:
    marks = Marks(tmp_path / "loaded.json")
    assert not marks.is_done("directory load", "a")
    marks.done("directory load", "a")
    again = Marks(tmp_path / "loaded.json")
    assert again.is_done("directory load", "a")
    assert not again.is_done("directory load", "b")


def test_new_database_forgets_its_own_steps_alone(tmp_path: Path) -> None:
    marks = Marks(tmp_path / "loaded.json")
    marks.done("directory load", "a")
    marks.done("referrals migrate", "a")
    marks.forget("directory")
    assert not marks.is_done("directory load", "a")
    assert marks.is_done("referrals migrate", "a")


def test_digest_sees_contents_names_and_no_bytecode(tmp_path: Path) -> None:
    file = tmp_path / "one.csv"
    file.write_text("a")
    first = digest(tmp_path.iterdir())
    (tmp_path / "one.pyc").write_text("compiled")
    assert digest(tmp_path.iterdir()) == first
    file.write_text("b")
    assert digest(tmp_path.iterdir()) != first
    file.write_text("a")
    file.rename(tmp_path / "two.csv")
    assert digest(tmp_path.iterdir()) != first
