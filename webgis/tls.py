"""HTTPS for phones without a bought certificate: a private authority of this installation signs the server's.

Over plain HTTP phones give no position and open nothing without network. The authority may speak only for the names
given and for private addresses, so that who trusts it here does not trust it with the rest of the internet. Its key
stays in `var/tls`, which only its owner can read.
"""

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from webgis.errors import Conflict, Invalid
from webgis.settings import Settings

AUTHORITY_DAYS = 3650
SERVER_DAYS = 397
"""Longer ones are not taken by all phones."""

RENEW_DAYS = 30
"""With less left the server's certificate is made anew at the next start."""

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "fc00::/7", "::1/128")
LONGEST_NAME = 253
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Files:
    """Where the files lie."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "authority.crt"

    @property
    def authority_key(self) -> Path:
        return self.folder / "authority.key"

    @property
    def server(self) -> Path:
        return self.folder / "server.crt"

    @property
    def server_key(self) -> Path:
        return self.folder / "server.key"


def files(settings: Settings) -> Files:
    """The files of this installation."""
    return Files(settings.var_dir / "tls")


def present(settings: Settings) -> bool:
    """Whether there is a certificate to serve with."""
    return files(settings).server.is_file() and files(settings).server_key.is_file()


def init(settings: Settings, names: Sequence[str], now: datetime, *, anew: bool = False) -> Files:
    """Make the authority, unless there is one, and the server's certificate for host names and addresses.

    `Invalid` for a name that is none. `Conflict` "tls.not-covered" when the authority that phones know already may not
    speak for one of them; `anew` makes another, which every phone has to install again.
    """
    hosts, addresses = read_names(names)
    where = files(settings)
    where.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if anew or not where.authority.is_file():
        _make_authority(where, hosts, addresses, now)
    _require_covered(where, hosts, addresses)
    make_server(where, hosts, addresses, now)
    return where


def renew(settings: Settings, now: datetime) -> bool:
    """Make the server's certificate anew, for the same names, when it ends soon; whether it was."""
    where = files(settings)
    if not (present(settings) and where.authority_key.is_file()):
        return False
    old = server(settings)
    if old.not_valid_after_utc - now > timedelta(days=RENEW_DAYS):
        return False
    names = old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    make_server(where, names.get_values_for_type(x509.DNSName), names.get_values_for_type(x509.IPAddress), now)
    return True


def read_names(names: Sequence[str]) -> tuple[list[str], list[Address]]:
    """Host names and addresses, each once, in order; `Invalid` for what is neither, or for none at all."""
    hosts: dict[str, None] = {}
    addresses: dict[Address, None] = {}
    for name in names:
        try:
            addresses[ipaddress.ip_address(name.strip("[]"))] = None
        except ValueError:
            hosts[_host(name)] = None
    if not (hosts or addresses):
        raise _refused("", "at least one host name or address by which phones reach this machine")
    return list(hosts), list(addresses)


def _host(name: str) -> str:
    try:
        plain = name.strip().rstrip(".").encode("idna").decode().lower()
    except UnicodeError:
        plain = ""
    labels = plain.split(".")
    good = all(label.replace("-", "").isalnum() and label.strip("-") == label for label in labels)
    if not (plain and good and len(plain) <= LONGEST_NAME):
        raise _refused(name, "a host name such as city.example.cn, or an address such as 192.168.1.20")
    return plain


def _refused(got: str, accepted: str) -> Invalid:
    return Invalid("tls.bad-name", f"name: {accepted}, not '{got}'", field="name", got=got, accepted=accepted)


def authority(settings: Settings) -> x509.Certificate:
    """The authority's certificate."""
    return _read(files(settings).authority)


def server(settings: Settings) -> x509.Certificate:
    """The server's certificate."""
    return _read(files(settings).server)


def names(settings: Settings) -> list[str]:
    """The host names and addresses that the server's certificate is for."""
    found = server(settings).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of a certificate, as phones show it."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _make_authority(where: Files, hosts: Sequence[str], addresses: Sequence[Address], now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"webgis {now:%Y-%m-%d}")])
    own = [ipaddress.ip_network(f"{address}/{address.max_prefixlen}") for address in addresses]
    networks = [ipaddress.ip_network(network) for network in PRIVATE]
    others = [one for one in own if not any(one.version == net.version and one.subnet_of(net) for net in networks)]
    permitted = [x509.DNSName(host) for host in [*hosts, "localhost"]]
    permitted += [x509.IPAddress(network) for network in [*networks, *others]]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_key(where.authority_key, key)
    _write(where.authority, made.public_bytes(serialization.Encoding.PEM), 0o644)


def make_server(where: Files, hosts: Sequence[str], addresses: Sequence[Address], now: datetime) -> None:
    """Have the authority sign a server's certificate for these names; whether they are covered was looked at before."""
    issuer = _read(where.authority)
    signer = serialization.load_pem_private_key(where.authority_key.read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    # A common name that could be a host would be held against the authority's names by OpenSSL.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webgis server")])
    own = [*map(x509.DNSName, hosts), *map(x509.IPAddress, addresses)]
    made = (
        x509.CertificateBuilder(issuer.subject, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(min(now + timedelta(days=SERVER_DAYS), issuer.not_valid_after_utc))
        .add_extension(x509.SubjectAlternativeName(own), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    _write_key(where.server_key, key)
    _write(where.server, made.public_bytes(serialization.Encoding.PEM), 0o644)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _require_covered(where: Files, hosts: Sequence[str], addresses: Sequence[Address]) -> None:
    permitted = _read(where.authority).extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
    known = {one.value for one in permitted if isinstance(one, x509.DNSName)}
    networks = [one.value for one in permitted if isinstance(one, x509.IPAddress)]
    missing = [host for host in hosts if not any(host == one or host.endswith(f".{one}") for one in known)]
    missing += [str(one) for one in addresses if not any(one in net for net in networks if net.version == one.version)]
    if missing:
        raise Conflict(
            "tls.not-covered",
            f"The authority that phones know may not speak for {', '.join(missing)}. Make another with "
            "--new-authority; every phone then has to install it again",
            names=missing,
        )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(path, pem, 0o600)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by others before it is as it shall be."""
    made = path.with_name(f".{path.name}.{os.getpid()}")
    made.unlink(missing_ok=True)
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    made.replace(path)
