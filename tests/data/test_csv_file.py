"""Tables of one's own: what the columns mean, and every fault by its line and column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from chainrule.data import check_dataset, csv
from chainrule.graph.errors import DataError

TREES = "height,girth,kind\n20,1.5,oak\n30,0.9,elm\n21,1.4,oak\n5,.25,ash\n"


@pytest.fixture
def write(tmp_path: Path):
    def writer(content: str | bytes) -> Path:
        path = tmp_path / "trees.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return writer


def whole(path: Path, *args, **options):
    """All rows in the file's order: X, y, and the data set."""
    data = csv(path, *args, validation=0, test=0, dtype="float64", **options)
    back = np.argsort(np.random.default_rng(0).permutation(data.train.rows))
    check_dataset(data)
    return data.train.X[back], data.train.y[back], data


def test_text_becomes_classes(write):
    path = write(TREES)
    X, y, data = whole(path)
    assert X.tolist() == [[20, 1.5], [30, 0.9], [21, 1.4], [5, 0.25]] and y.tolist() == [2, 1, 2, 0]
    assert data.class_names == ("ash", "elm", "oak") and data.classes == 3 and y.dtype == np.int64
    assert data.feature_names == ("height", "girth")
    assert (data.name, data.source, data.image_shape) == ("trees", f"read from {path}", None)


@pytest.mark.parametrize(
    "content",
    [
        TREES.replace("\n", "\r\n"),
        TREES.replace("\n", "\r"),
        "\ufeff" + TREES,
        TREES.rstrip(),
        "\n\n" + TREES.replace("\n", "\n\n   \n"),
        TREES.replace(",", " , "),
        '"height","girth","kind"\n"20","1.5","oak"\n30,0.9,"elm"\n21,14e-1,oak\n+5,.25,ash',
    ],
)
def test_spellings_of_one_table(write, content: str):
    X, y, data = whole(write(content))
    assert X.tolist() == [[20, 1.5], [30, 0.9], [21, 1.4], [5, 0.25]] and y.tolist() == [2, 1, 2, 0]
    assert (data.feature_names, data.class_names) == (("height", "girth"), ("ash", "elm", "oak"))


def test_delimiters_and_quoted_cells(write):
    X, _, data = whole(write('a;kind\n1;"x;y"\n2;"two\nlines"\n3;"a ""q"""\n'), delimiter=";")
    assert X.ravel().tolist() == [1, 2, 3] and data.class_names == ('a "q"', "two\nlines", "x;y")
    assert whole(write("1\t7\n2\t8\n"), delimiter="\t")[1].tolist() == [0, 1]


def test_a_header_is_told_from_numbers(write):
    rows = "1,2,0\n3,4,1\n"
    for text in (rows, "a,b,c\n" + rows):
        X, y, data = whole(write(text))
        assert X.tolist() == [[1, 2], [3, 4]] and y.tolist() == [0, 1]
        assert data.feature_names == (("a", "b") if text[0] == "a" else ())
    assert len(whole(write("2019,2020,kind\n1,2,0\n"), header=True)[0]) == 1
    assert len(whole(write("1,2,a\n3,4,b\n"))[0]) == 2  # the target alone may be text
    assert whole(write("2019,kind\n1,5\n"), target="kind")[2].feature_names == ("2019",)  # a name says that there are


def test_the_target_by_name_or_index_and_columns_left_out(write):
    path = write("id,kind,a,b\nr1,7,1,2\nr2,8,3,4\n")
    for target, drop in (("kind", ["id"]), (1, [0]), (-3, ["id"]), ("kind", (-4,))):
        X, y, data = whole(path, target, drop=drop)
        assert X.tolist() == [[1, 2], [3, 4]] and y.tolist() == [0, 1]
        assert (data.class_names, data.feature_names) == (("7", "8"), ("a", "b"))
    assert whole(write(",a,y\n0,1,2\n1,3,4\n"), drop=[0])[0].tolist() == [[1], [3]]  # pandas' index


def test_whole_numbers_are_classes_in_the_order_of_their_size(write):
    _, y, data = whole(write("1,10\n2,-1\n3,9\n4,10\n"))
    assert y.tolist() == [2, 0, 1, 2] and data.class_names == ("-1", "9", "10")
    assert whole(write("1,1.0\n2,3.0\n"), regression=False)[2].class_names == ("1", "3")


def test_other_numbers_are_values(write):
    _, y, data = whole(write("a,y\n1,0.5\n2,1\n3,-2e3\n"))
    assert y.tolist() == [[0.5], [1], [-2000]] and data.regression and data.class_names == ()
    _, y, data = whole(write("1,10\n2,-1\n"), regression=True)
    assert y.tolist() == [[10], [-1]] and y.dtype == np.float64
    data = csv(write("1,10\n2,-1\n3,5\n"), regression=True, validation=1, test=1)
    assert data.train.y.dtype == np.float32 and data.test.y.shape == (1, 1)


def test_what_may_be_either_is_asked(write):
    for text in ("1,1.0\n2,3.0\n", "1,1\n2,3.\n"):
        with pytest.raises(DataError, match="whole numbers written as floats; say regression=True if they are values"):
            csv(write(text))
    many = "".join(f"{i},{i * 10}\n" for i in range(30))
    with pytest.raises(DataError, match="targets are whole numbers, 30 different ones in 30 rows; say regression=True"):
        csv(write(many))
    assert whole(write(many), regression=False)[2].classes == 30
    assert whole(write(many), regression=True)[2].regression
    names = "".join(f"{i},n{i}\n" for i in range(30))
    with pytest.raises(DataError, match=r"targets are text, 30 different ones in 30 rows; .* or name another target"):
        csv(write(names))


def test_splits_and_standardizing_are_those_of_arrays(write):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(40, 3)) * [1, 100, 5] + 7
    path = write("".join(",".join(map(repr, row.tolist())) + f",{i % 3}\n" for i, row in enumerate(X)))
    data = csv(path, validation=0.25, test=4, seed=6, standardize=True, dtype="float64")
    order = np.random.default_rng(6).permutation(40)
    assert [s.rows for s in (data.train, data.validation, data.test)] == [26, 10, 4]
    assert np.allclose(data.mean, X[order[:26]].mean(axis=0)) and np.allclose(data.divisor, X[order[:26]].std(axis=0))
    assert np.allclose(data.test.X, (X[order[36:]] - data.mean) / data.divisor)
    assert np.array_equal(data.test.y, order[36:] % 3)


WRONG = [
    ("", {}, "is empty (0 bytes); a CSV file has a row for each example"),
    ("\n \n", {}, "holds no row"),
    ("a,b\n", {}, "holds a header and no row"),
    (b"PK\x03\x04\xff\xfe", {}, "is not text in UTF-8"),
    ("1\n2\n", {}, "has one column, where a target and a feature are needed"),
    ("a;b\n1;2\n", {}, "needed; if columns are parted by ';', say delimiter=';'"),
    ("a b\n1 2\n", {}, "say delimiter=' '"),
    ("a,b,y\n1,2,0\n1,,1\n", {}, "line 3, column 2 ('b'): the cell is empty; drop the row or fill it in"),
    ("a,b,y\n1,2,0\n1,NA,1\n", {}, "line 3, column 2 ('b'): 'NA' is a missing value"),
    ("a,b,y\n1,2,0\n1,nan,1\n", {}, "line 3, column 2 ('b'): 'nan' is a missing value"),
    ("1,2,0\n1,?,1\n", {}, "line 2, column 2: '?' is a missing value"),
    ("a,b,y\n1,2,0\n1,2,\n", {}, "line 3, column 3 ('y'): the cell is empty"),
    ("a,b,y\n1,2,0\n1,2,None\n", {}, "line 3, column 3 ('y'): 'None' is a missing value"),
    ("a,b,y\n1,2,0\n\n1,x,1\n", {}, "line 4, column 2 ('b'): 'x' is not a number; features are numbers; encode"),
    ("a,b,y\n1,2,0\n1_0,2,1\n", {}, "line 3, column 1 ('a'): '1_0' is not a number"),
    ("a;b;y\n1;2;0\n1;3,5;1\n", {"delimiter": ";"}, "column 2 ('b'): '3,5' is not a number; write 3.5"),
    ("a,b,y\n1,2,0\n1,-inf,1\n", {}, "line 3, column 2 ('b'): '-inf' is not finite"),
    ("a,y\n1,0.5\n1,1e999\n", {}, "line 3, column 2 ('y'): '1e999' is not finite"),
    ('a,b,y\n1,2,"two\nlines"\n1,x,1\n', {}, "line 4, column 2 ('b'): 'x'"),
    ("a,b,y\n1,2,0\n1,2\n", {}, "line 3 has 2 cells, but line 1 has 3; each row needs one cell for each column"),
    ("a,b,y\n1,2,0\n1,2,0,4\n", {}, "line 3 has 4 cells, but line 1 has 3"),
    ("a,b,a\n1,2,0\n", {}, "line 1: columns 1 and 3 are both named 'a'; rename one"),
    (",b,y\n0,2,0\n", {"header": True}, "line 1, column 1 has no name; name it, or leave it out with drop=[0]"),
    ('a,y\n1,"open\n2,3\n', {}, "line 2 is not CSV (unexpected end of data); is a quotation mark left open?"),
    ("1,x,0\n2,3,1\n", {}, "line 1 may be names or numbers: column 2 is 'x', column 1 is '1'; say header=True, or"),
    ("na,0\n2,1\n", {}, "line 1 may be names or lack a value: column 1 is 'na'; say header=True, or header=False and"),
    ("1,x,0\n2,3,1\n", {"header": False}, "line 1, column 2: 'x' is not a number"),
    ("a,y\n1,2\n", {"target": "z"}, "no column is named 'z'; there are 'a', 'y'"),
    ("a,y\n1,2\n", {"target": "y", "header": False}, "header=False, so no column is named 'y'; give an index"),
    ("a,y\n1,2\n", {"target": 2}, "2 is no column; with 2 columns it is a name, or an index from 0 to 1, -1 being"),
    ("a,y\n1,2\n", {"target": -3}, "-3 is no column"),
    ("a,y\n1,2\n", {"target": 1.0}, "1.0 is no column"),
    ("a,y\n1,2\n", {"target": True}, "True is no column"),
    ("a,y\n1,2\n", {"drop": "a"}, "drop='a' is one text; write a list of columns, drop=['a']"),
    ("a,y\n1,2\n", {"drop": ["a"]}, "no feature is left of 2 columns"),
    ("a,b,y\n1,2,3\n", {"drop": ["y"]}, "target=-1 and drop=['y'] name one column twice"),
    ("a,y\n1,2\n", {"delimiter": ", "}, "delimiter=', ' cannot be; write one character"),
    ("a,y\n1,2\n", {"delimiter": "\n"}, "cannot be"),
    ("a,y\n1,2\n2,x\n", {"regression": True}, "line 3, column 2 ('y'): 'x' is not a number"),
    ("a,y\n1,2.5\n2,x\n", {}, "column 2 ('y'): 'x' is not a number, but line 2 has '2.5'; say regression=False if"),
    ("a,y\n1,2\n2,1.5\n", {"regression": False}, "line 3, column 2 ('y'): 1.5 is no class; say regression=True if"),
]


@pytest.mark.parametrize("content, options, message", WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_told(write, content, options, message: str):
    path = write(content)
    with pytest.raises(DataError) as told:
        csv(path, **{"validation": 0, "test": 0, **options})
    assert str(told.value).startswith(f"{path}: ") and message in str(told.value)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"dtype": "float16"}, "float32 or float64"),
        ({"validation": 3, "test": 2}, "trees: validation takes 3 and test 2 of 4 rows; none is left to train on"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_options_are_checked_as_for_arrays(write, options, message: str):
    with pytest.raises(DataError) as told:
        csv(write(TREES), **options)
    assert message in str(told.value)


def test_what_is_no_file_is_told(tmp_path: Path):
    with pytest.raises(DataError, match="there is no such file; a CSV file was expected"):
        csv(tmp_path / "none.csv")
    with pytest.raises(DataError, match="is a folder; give the path of one CSV file in it"):
        csv(tmp_path)


def test_numbers_too_large_for_float32_are_told(write):
    with pytest.raises(DataError, match="X holds values too large for float32; scale them, or write dtype='float64'"):
        csv(write("1e300,0\n2,1\n"), validation=0, test=0)
    assert whole(write("1e308,0\n1e308,1\n"))[0].max() == 1e308  # a row's sum may overflow, its numbers do not
