import json

import pytest

from churnlib.classification._compiled_file import KIND, SCHEMA_VERSION, pack, unpack
from churnlib.exceptions import DataError, ParameterTypeError, VersionError

CONTENT = {"b": [0.1, 1e-300, 2**60, -0.0], "a": {"zh": "价格", "odd": "\ud800"}, "none": None}


def test_equal_content_gives_equal_bytes_and_floats_to_the_bit():
    text, digest = pack(CONTENT, "0.1")
    again, version = unpack(text)
    assert (again, version) == (CONTENT, "0.1")
    assert pack(dict(reversed(again.items())), version) == (text, digest)
    assert text.isascii()
    assert json.loads(text)["digest"] == digest


def test_layout_does_not_matter():
    text, _ = pack(CONTENT, "0.1")
    assert unpack(json.dumps(json.loads(text), indent=2)) == (CONTENT, "0.1")


@pytest.mark.parametrize("change", [{"content": {"b": [0.2]}}, {"churnlib": "9"}, {"digest": "0"}, {"more": 1}])
def test_altered_text_is_refused(change):
    body = json.loads(pack(CONTENT, "0.1")[0])
    with pytest.raises(VersionError, match=r"the digest of the compiled model is \w+.* and it says .*changed after"):
        unpack(json.dumps(body | change))


def test_a_number_that_is_none_is_refused():
    text, _ = pack({"a": 0.5}, "0.1")
    with pytest.raises(VersionError, match="is an infinite"):
        unpack(text.replace("0.5", "NaN"))
    with pytest.raises(ValueError, match="not JSON compliant"):
        pack({"a": float("inf")}, "0.1")


def test_other_schema_versions_are_refused():
    body = json.loads(pack(CONTENT, "0.1")[0])
    with pytest.raises(
        VersionError, match=rf"schema version 2, written by churnlib 0\.1; this churnlib reads.*{SCHEMA_VERSION}"
    ):
        unpack(json.dumps(body | {"schema_version": 2}))


@pytest.mark.parametrize(
    ("text", "match"),
    [('{"kind": "invoice", "b": 1}', "of the kind 'invoice' with b, kind"), ("{}", "a dict with"), ("[1]", "a list"),
     ("3", "a int")],
)  # fmt: skip
def test_other_json_is_named(text, match):
    with pytest.raises(DataError, match=f"the text is other JSON: {match}.*has the kind {KIND!r}"):
        unpack(text)


@pytest.mark.parametrize("text", ["", "call Ann", '{"kind": "churnlib.Comp', "[" * 100_000])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(DataError, match=r"the text is no JSON .*it begins with"):
        unpack(text)


def test_bytes_are_no_text():
    with pytest.raises(ParameterTypeError, match="text is a bytes"):
        unpack(b"{}")
