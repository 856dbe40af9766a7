"""``framing receipt``: what is signed can be read by whoever knows DSSE, and by the right key alone."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from pytest_framing.cli import main
from pytest_framing.results import write_conclusion
from tests.unit.builders import make_run, table, write_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    made.mkdir()
    write_conclusion(write_run(make_run(table(10, 0, 0, 10)), made, weights=f"sha256:{'ab' * 32}"), made)
    return made


def make_key(folder: Path, name: str, password: str = "") -> tuple[str, str]:
    """Write a new key pair as openssl does, and return the files of both halves."""
    key = Ed25519PrivateKey.generate()
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return str(private), str(public)


@pytest.fixture
def keys(tmp_path: Path) -> tuple[str, str]:
    return make_key(tmp_path, "ours")


def test_a_signed_receipt_is_verified_with_the_public_key(
    folder: Path, keys: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["receipt", "sign", str(folder), "--key", keys[0]]) == 0
    envelope = str(folder / "receipt.dsse.json")
    capsys.readouterr()
    assert main(["receipt", "verify", envelope, "--key", keys[1]]) == 0
    out = capsys.readouterr().out
    assert "signed with key" in out
    assert "not held against its run" in out
    assert main(["receipt", "verify", envelope, "--key", keys[1], "--run", str(folder)]) == 0
    assert "verified: run-1" in capsys.readouterr().out
    assert main(["verify", str(folder)]) == 0, "the envelope is no part of the record"


def test_the_envelope_is_dsse_over_the_receipt_byte_by_byte(folder: Path, keys: tuple[str, str]) -> None:
    main(["receipt", "sign", str(folder), "--key", keys[0]])
    envelope = json.loads((folder / "receipt.dsse.json").read_text(encoding="utf-8"))
    payload = base64.b64decode(envelope["payload"])
    assert payload == (folder / "receipt.json").read_bytes()
    kind = envelope["payloadType"].encode()
    assert kind == b"application/vnd.in-toto+json"
    # What DSSE signs, written out from its specification.
    signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    public = load_pem_public_key(Path(keys[1]).read_bytes())
    public.verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed)


def test_another_key_verifies_nothing(
    folder: Path, keys: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["receipt", "sign", str(folder), "--key", keys[0]])
    theirs = make_key(tmp_path, "theirs")
    assert main(["receipt", "verify", str(folder / "receipt.dsse.json"), "--key", theirs[1]]) == 1
    assert "NOT SIGNED" in capsys.readouterr().out


@pytest.mark.parametrize("part", ["payload", "signature"])
def test_a_changed_envelope_does_not_verify(
    folder: Path, keys: tuple[str, str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["receipt", "sign", str(folder), "--key", keys[0]])
    path = folder / "receipt.dsse.json"
    envelope = json.loads(path.read_text(encoding="utf-8"))
    if part == "payload":
        changed = base64.b64decode(envelope["payload"]).replace(b'"release": false', b'"release": true')
        envelope["payload"] = base64.b64encode(changed).decode()
    else:
        envelope["signatures"][0]["sig"] = base64.b64encode(bytes(64)).decode()
    path.write_text(json.dumps(envelope), encoding="utf-8")
    assert main(["receipt", "verify", str(path), "--key", keys[1]]) == 1
    assert "changed afterwards" in capsys.readouterr().out


def test_a_receipt_that_does_not_agree_with_its_run_is_not_signed(
    folder: Path, keys: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "receipt.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"release": false', '"release": true'), encoding="utf-8")
    assert main(["receipt", "sign", str(folder), "--key", keys[0]]) == 1
    assert "nothing was signed" in capsys.readouterr().out
    assert not (folder / "receipt.dsse.json").exists()


def test_without_its_run_a_receipt_is_signed_only_where_that_is_asked_for(
    folder: Path, keys: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = tmp_path / "receipt.json"
    alone.write_bytes((folder / "receipt.json").read_bytes())
    assert main(["receipt", "sign", str(alone), "--key", keys[0]]) == 3
    assert "no run there" in capsys.readouterr().err
    assert main(["receipt", "sign", str(alone), "--key", keys[0], "--unverified"]) == 0
    assert (tmp_path / "receipt.dsse.json").is_file()


def test_a_verdict_may_be_required(folder: Path, keys: tuple[str, str]) -> None:
    main(["receipt", "sign", str(folder), "--key", keys[0]])
    verify = ["receipt", "verify", str(folder / "receipt.dsse.json"), "--key", keys[1], "--require"]
    verdict = json.loads((folder / "results.json").read_text(encoding="utf-8"))["verdict"]
    assert main([*verify, verdict]) == 0
    assert main([*verify, "fail" if verdict == "pass" else "pass"]) == 1


def test_an_encrypted_key_takes_its_password_from_the_environment(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    private, public = make_key(tmp_path, "locked", "open sesame")
    assert main(["receipt", "sign", str(folder), "--key", private]) == 3
    assert "no private key that can sign" in capsys.readouterr().err
    monkeypatch.setenv("FRAMING_KEY_PASSWORD", "open sesame")
    assert main(["receipt", "sign", str(folder), "--key", private]) == 0
    assert main(["receipt", "verify", str(folder / "receipt.dsse.json"), "--key", public]) == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not JSON"),
        ("{}", "not a DSSE envelope"),
        ('{"payload": "e30=", "payloadType": "text/plain", "signatures": []}', "no in-toto Statement"),
        ('{"payload": 7, "payloadType": "x", "signatures": [3]}', "not a DSSE envelope"),
    ],
)
def test_what_is_no_envelope_is_broken_input(
    content: str, words: str, keys: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "receipt.dsse.json"
    path.write_text(content, encoding="utf-8")
    assert main(["receipt", "verify", str(path), "--key", keys[1]]) == 3
    assert words in capsys.readouterr().err


def test_a_file_that_is_no_key_is_broken_input(
    folder: Path, keys: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["receipt", "sign", str(folder), "--key", str(folder / "plan.json")]) == 3
    assert "plan.json: no private key" in capsys.readouterr().err
    main(["receipt", "sign", str(folder), "--key", keys[0]])
    envelope = str(folder / "receipt.dsse.json")
    capsys.readouterr()
    assert main(["receipt", "verify", envelope, "--key", str(folder / "plan.json")]) == 3
    assert "plan.json: no public key" in capsys.readouterr().err
    assert main(["receipt", "verify", envelope, "--key", str(folder / "absent.pub")]) == 3
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("halves", [(0,), (0, 1), (1, 0)], ids=["alone", "first", "behind the public one"])
def test_a_private_key_verifies_nothing_and_is_called_one(
    folder: Path, keys: tuple[str, str], halves: tuple[int, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["receipt", "sign", str(folder), "--key", keys[0]])
    given = tmp_path / "given.pem"
    given.write_bytes(b"".join(Path(keys[half]).read_bytes() for half in halves))
    assert main(["receipt", "verify", str(folder / "receipt.dsse.json"), "--key", str(given)]) == 3
    assert "given.pem: holds a private key" in capsys.readouterr().err
