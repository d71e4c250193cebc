"""Signatures of a ledger's head, and of the newest model and report."""

import contextlib
import io
import sys

import pytest

from tests.ledger.made_up import add_request, write_ledger


@pytest.fixture
def ledger(tmp_path):
    return write_ledger(tmp_path / "models" / "requests.jsonl", 3)


@pytest.fixture
def keys(tmp_path):
    """Files of two pairs of keys."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    for name in ("own", "other"):
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
        public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
        (tmp_path / f"{name}.pem").write_bytes(private)
        (tmp_path / f"{name}.pub").write_bytes(public)
    return tmp_path


def verified(run, ledger, key) -> tuple[int, str]:
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        code, _ = run("ledger", str(ledger.path), "verify", "--public_key", str(key))
    return code, shown.getvalue()


def test_what_was_signed_is_whole_and_may_grow(ledger, keys, run):
    assert run("ledger", str(ledger.path), "sign", "--key", str(keys / "own.pem"))[0] == 0
    code, said = verified(run, ledger, keys / "own.pub")
    assert (code, "signed up to line 3" in said) == (0, True)
    assert verified(run, ledger, keys / "other.pub")[0] == 1
    add_request(ledger, ledger.folder / "run-3" / "model.safetensors", 4)
    code, said = verified(run, ledger, keys / "own.pub")
    assert (code, "the 1 after it are not signed" in said) == (0, True)


def test_a_missing_end_is_found_by_the_signed_head(ledger, keys, run):
    run("ledger", str(ledger.path), "sign", "--key", str(keys / "own.pem"))
    ledger.path.write_bytes(b"".join(ledger.lines()[:-1]))
    code, said = verified(run, ledger, keys / "own.pub")
    assert code == 1
    assert "the head of line 3 was signed: the end of the ledger is missing" in said


@pytest.mark.parametrize("name", ["requests.jsonl.head", "run-3/model.safetensors.sig", "requests.jsonl.head.sig"])
def test_what_is_signed_is_not_changed_unseen(ledger, keys, run, name):
    run("ledger", str(ledger.path), "sign", "--key", str(keys / "own.pem"))
    file = ledger.folder / name
    file.write_bytes(file.read_bytes().replace(b"3", b"2"))
    assert verified(run, ledger, keys / "own.pub")[0] == 1
    file.unlink()
    assert verified(run, ledger, keys / "own.pub")[0] == 1


def test_a_ledger_that_is_not_whole_is_not_signed(ledger, keys, run):
    (ledger.folder / "run-2" / "report.json").write_text("")
    code, message = run("ledger", str(ledger.path), "sign", "--key", str(keys / "own.pem"))
    assert code == 2
    assert "was not signed: line 2" in message


def test_a_key_that_does_not_do_is_told_in_one_line(ledger, keys, run):
    for words in (["sign", "--key", str(keys / "own.pub")], ["verify", "--public_key", str(keys / "none.pub")]):
        code, message = run("ledger", str(ledger.path), *words)
        assert (code, message.count("\n")) == (2, 1), message
        assert "the key" in message


def test_the_missing_package_is_named(ledger, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "model_signing.signing", None)
    code, message = run("ledger", str(ledger.path), "sign", "--key", "key.pem")
    assert code == 2
    assert "pip install 'oro_unlearn[sign]'" in message
