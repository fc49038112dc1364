"""The private authority: phones that trust it trust this installation, and nothing else by it."""

import http.client
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from click.testing import CliRunner
from cryptography import x509

from webgis import tls, tls_commands
from webgis.db import Runtime
from webgis.errors import Conflict, Invalid
from webgis.settings import Settings

NOW = datetime.now(UTC)


@pytest.fixture
def own(tmp_path) -> Settings:
    return Settings(var_dir=tmp_path)


class Quiet(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_args):
        pass


def answers(settings: Settings, host: str) -> int:
    """The status of an answer from a server with our certificate, asked as `host` by one who trusts our authority."""
    where = tls.files(settings)
    server = HTTPServer(("127.0.0.1", 0), Quiet)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(where.server, where.server_key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    trusting = ssl.create_default_context(cafile=where.authority)
    try:
        asked = http.client.HTTPSConnection("127.0.0.1", server.server_port, context=trusting, timeout=20)
        raw = asked._create_connection(("127.0.0.1", server.server_port))
        asked.sock = trusting.wrap_socket(raw, server_hostname=host)
        asked.request("GET", "/")
        return asked.getresponse().status
    finally:
        thread.join()
        server.server_close()


@pytest.mark.parametrize("names", [["city.example.cn", "127.0.0.1"], ["city.example.cn"], ["127.0.0.1"]])
def test_who_trusts_the_authority_reaches_the_server_by_name_and_address(own, names):
    tls.init(own, names, NOW)
    for host in names:
        assert answers(own, host) == 204


def test_another_name_is_not_believed(own):
    tls.init(own, ["city.example.cn"], NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        answers(own, "bank.example.com")


def test_what_the_authority_signs_beyond_its_names_is_not_believed_either(own):
    """Whoever steals its key cannot stand in for other sites with it."""
    where = tls.init(own, ["city.example.cn"], NOW)
    tls.make_server(where, ["bank.example.com"], [], NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        answers(own, "bank.example.com")


def test_keys_are_for_their_owner_alone(own):
    where = tls.init(own, ["localhost"], NOW)
    for key in (where.authority_key, where.server_key):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_again_the_authority_stays_and_new_names_need_another(own):
    tls.init(own, ["city.example.cn"], NOW)
    known = tls.fingerprint(tls.authority(own))
    tls.init(own, ["city.example.cn", "phone.city.example.cn", "192.168.7.9"], NOW)
    assert tls.fingerprint(tls.authority(own)) == known
    assert tls.names(own) == ["city.example.cn", "phone.city.example.cn", "192.168.7.9"]
    with pytest.raises(Conflict, match="--new-authority") as refused:
        tls.init(own, ["other.example.cn", "203.0.113.5"], NOW)
    assert refused.value.facts["names"] == ["other.example.cn", "203.0.113.5"]
    assert tls.names(own)[0] == "city.example.cn"
    tls.init(own, ["other.example.cn", "203.0.113.5"], NOW, anew=True)
    assert tls.fingerprint(tls.authority(own)) != known


def test_the_server_certificate_is_renewed_in_time_and_for_the_same_names(own):
    tls.init(own, ["city.example.cn", "10.1.2.3"], NOW)
    first = tls.server(own).serial_number
    assert not tls.renew(own, NOW + timedelta(days=300))
    assert tls.renew(own, NOW + timedelta(days=380))
    renewed = tls.server(own)
    assert renewed.serial_number != first and tls.names(own) == ["city.example.cn", "10.1.2.3"]
    assert renewed.not_valid_after_utc - renewed.not_valid_before_utc <= timedelta(days=398)


def test_without_certificates_there_is_nothing_to_renew(own):
    assert not tls.present(own) and not tls.renew(own, NOW)


@pytest.mark.parametrize("name", ["", "a b", "-x.cn", "x..cn", "https://city.cn", "a" * 300])
def test_what_is_no_name_is_refused_and_nothing_is_made(own, name):
    with pytest.raises(Invalid) as refused:
        tls.init(own, [name], NOW)
    assert refused.value.facts["got"] == name and not tls.present(own)


def test_the_command_makes_them_for_this_machine_and_tells_of_them(own):
    runner, runtime = CliRunner(), Runtime(own)
    made = runner.invoke(tls_commands.tls, ["init"], obj=runtime, catch_exceptions=False)
    assert made.exit_code == 0 and "127.0.0.1" in made.output
    shown = runner.invoke(tls_commands.tls, ["show", "--json"], obj=runtime, catch_exceptions=False)
    assert tls.fingerprint(tls.authority(own)) in shown.output
    assert isinstance(tls.server(own), x509.Certificate)
