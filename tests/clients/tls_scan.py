"""A TLS scanner's judgement of a listener: sslyze, as auditors run it.

usage: tls_scan.py PORT [SUITE...]

Ends with 0 if nothing older than TLS 1.2 is spoken, TLS 1.2 with the suites named and no others, and none of the known attacks works.
"""
import sys

from sslyze import (
    ScanCommand,
    ScanCommandAttemptStatusEnum,
    Scanner,
    ServerNetworkLocation,
    ServerScanRequest,
)

COMMANDS = {
    ScanCommand.SSL_2_0_CIPHER_SUITES,
    ScanCommand.SSL_3_0_CIPHER_SUITES,
    ScanCommand.TLS_1_0_CIPHER_SUITES,
    ScanCommand.TLS_1_1_CIPHER_SUITES,
    ScanCommand.TLS_1_2_CIPHER_SUITES,
    ScanCommand.TLS_1_3_CIPHER_SUITES,
    ScanCommand.TLS_COMPRESSION,
    ScanCommand.HEARTBLEED,
    ScanCommand.ROBOT,
    ScanCommand.OPENSSL_CCS_INJECTION,
    ScanCommand.SESSION_RENEGOTIATION,
    ScanCommand.ELLIPTIC_CURVES,
    ScanCommand.TLS_EXTENDED_MASTER_SECRET,
    ScanCommand.TLS_1_3_EARLY_DATA,
}
TLS_13 = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
CURVES = {"X25519", "prime256v1", "secp256r1", "secp384r1"}


def scan(port):
    location = ServerNetworkLocation(hostname="localhost", port=port, ip_address="127.0.0.1")
    scanner = Scanner()
    scanner.queue_scans([ServerScanRequest(server_location=location, scan_commands=COMMANDS)])
    [found] = list(scanner.get_results())
    if found.scan_result is None:
        sys.exit(f"cannot connect: {found.connectivity_error_trace}")
    return found.scan_result


def result(scanned, name):
    attempt = getattr(scanned, name)
    if attempt.status != ScanCommandAttemptStatusEnum.COMPLETED:
        sys.exit(f"{name}: {attempt.status}: {attempt.error_trace}")
    return attempt.result


def suites(scanned, version):
    accepted = result(scanned, f"{version}_cipher_suites").accepted_cipher_suites
    return {suite.cipher_suite.name for suite in accepted}


def check(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found}, not {wanted}")
    print(f"{what}: {found}")


def main(port, wanted):
    scanned = scan(int(port))
    for version in ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"]:
        check(f"suites of {version}", suites(scanned, version), set())
    check("suites of tls_1_2", suites(scanned, "tls_1_2"), set(wanted))
    check("suites of tls_1_3", suites(scanned, "tls_1_3"), TLS_13)
    check("compression", result(scanned, "tls_compression").supports_compression, False)
    check("heartbleed", result(scanned, "heartbleed").is_vulnerable_to_heartbleed, False)
    ccs = result(scanned, "openssl_ccs_injection").is_vulnerable_to_ccs_injection
    check("CCS injection", ccs, False)
    check("ROBOT", result(scanned, "robot").robot_result.name.startswith("NOT_VULNERABLE"), True)
    renegotiation = result(scanned, "session_renegotiation")
    check("secure renegotiation", renegotiation.supports_secure_renegotiation, True)
    check("renegotiation by clients", renegotiation.is_vulnerable_to_client_renegotiation_dos, False)
    ems = result(scanned, "tls_extended_master_secret").supports_ems_extension
    check("extended master secret", ems, True)
    check("early data", result(scanned, "tls_1_3_early_data").supports_early_data, False)
    curves = {curve.name for curve in result(scanned, "elliptic_curves").supported_curves}
    check("weak curves", curves - CURVES, set())


main(sys.argv[1], sys.argv[2:])
