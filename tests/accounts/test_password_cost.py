"""What a hash of a password costs outside of tests, which make theirs lighter."""

import subprocess
import sys


def test_a_hash_costs_what_rfc_9106_asks_for_where_memory_is_scarce():
    program = "from webgis.accounts import passwords; print(passwords.hashed('correct horse'))"
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert made.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
