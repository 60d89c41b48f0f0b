"""The counts of the house on small ones drawn by hand."""

from pathlib import Path

from benchmarks.house import circles, code_lines, graph, longest_chain, packages


def write(root: Path, **files: str) -> Path:
    """Make a package of these files; two underscores stand for a folder."""
    for name, text in files.items():
        path = root / "data_pipeline" / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_an_import_is_an_arrow(tmp_path):
    """Both forms count, at the top and in a class; what is lazy or only for types counts only when it is wanted."""
    late = "def f():\n    import data_pipeline.b\nif TYPE_CHECKING:\n    import data_pipeline.b\n"
    root = write(
        tmp_path,
        a="from data_pipeline.b import x\nfrom data_pipeline.room import c\n",
        b="",
        room__c="class C:\n    import data_pipeline.b\n",
        late=late,
    )
    assert graph(root) == {
        "data_pipeline.a": {"data_pipeline.b", "data_pipeline.room.c"},
        "data_pipeline.b": set(),
        "data_pipeline.room.c": {"data_pipeline.b"},
        "data_pipeline.late": set(),
    }
    assert graph(root, lazy=True)["data_pipeline.late"] == {"data_pipeline.b"}


def test_the_longest_chain_counts_files():
    """a, b, c, d in a row, and a way beside it; a circle counts as one file."""
    assert longest_chain({"a": {"b", "d"}, "b": {"c"}, "c": {"d"}, "d": set()}) == ["a", "b", "c", "d"]
    assert longest_chain({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}) == ["a", "b", "d"]


def test_circles_are_found():
    """Two files that import each other, and three in a row that close; a chain is none."""
    edges = {"a": {"b"}, "b": {"a"}, "c": {"d"}, "d": {"e"}, "e": {"c"}, "f": {"a"}}
    assert circles(edges) == [["a", "b"], ["c", "d", "e"]]


def test_rooms_are_folders():
    """Files of one folder are one room, and imports inside of it are none of its arrows."""
    edges = {"data_pipeline.a.x": {"data_pipeline.a.y", "data_pipeline.b.z"}, "data_pipeline.b.z": set()}
    assert packages(edges) == {"data_pipeline.a": {"data_pipeline.b"}, "data_pipeline.b": set()}


def test_only_code_counts(tmp_path):
    """Docstrings, comments and blank lines are no code; a string that is used is, with all of its lines."""
    path = tmp_path / "one.py"
    path.write_text(
        '"""Module.\n\nMore."""\n\n# why\nX = """\ntwo\n"""\n\n\ndef f():\n    """Doc."""\n    return X  # yes\n'
    )
    assert code_lines(path) == 5
