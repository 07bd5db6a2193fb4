//! Whom it trusts, and what it says of others.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType, date_time_ymd,
};

use super::*;

/// A certificate's parameters, good for a while and for one host.
fn params(host: &str) -> CertificateParams {
    let mut params = CertificateParams::new([host.to_owned()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("cn of {host}"));
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2030, 1, 1);
    params
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = params("authority.test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn by_itself(params: &CertificateParams) -> CertificateDer<'static> {
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
}

fn issued(params: &CertificateParams, by: &Issuer<'_, KeyPair>) -> CertificateDer<'static> {
    params.signed_by(&KeyPair::generate().unwrap(), by).unwrap().der().clone()
}

fn verifier(trusted: &[&CertificateDer<'static>]) -> Verifier {
    let mut roots = rustls::RootCertStore::empty();
    trusted.iter().for_each(|der| roots.add((*der).clone()).unwrap());
    let certificates = trusted.iter().map(|der| der.to_vec()).collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Verifier::new(Trust { roots, certificates }, &provider)
}

/// What is said of a certificate at the beginning of 2026, or nothing where it is trusted.
fn said(verifier: &Verifier, certificate: &CertificateDer<'_>, name: &str) -> String {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_767_225_600));
    let name = ServerName::try_from(name).unwrap();
    match verifier.verify_server_cert(certificate, &[], &name, &[], now) {
        Ok(_) => String::new(),
        Err(Error::InvalidCertificate(CertificateError::Other(error))) => error.0.to_string(),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_certificate_that_is_trusted_itself_needs_no_chain() {
    let leaf = by_itself(&params("store.test"));
    let mut of_authority = params("store.test");
    of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let of_authority = by_itself(&of_authority);
    let lent = issued(&params("store.test"), &authority());
    for certificate in [&leaf, &of_authority, &lent] {
        assert_eq!(said(&verifier(&[certificate]), certificate, "store.test"), "");
        let other = by_itself(&params("store.test"));
        assert_ne!(said(&verifier(&[&other]), certificate, "store.test"), "");
        let wrong = said(&verifier(&[certificate]), certificate, "other.test");
        let wanted = "the certificate is not for `other.test`: it is for `store.test`";
        assert_eq!(wrong, wanted);
    }
}

#[test]
fn being_trusted_itself_excuses_neither_time_nor_purpose_nor_name() {
    let change: [fn(&mut CertificateParams); 4] = [
        |params| params.not_after = date_time_ymd(2025, 6, 1),
        |params| params.not_before = date_time_ymd(2027, 6, 1),
        |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
        |params| params.subject_alt_names.clear(),
    ];
    let wanted = [
        "the certificate of `store.test` has expired: it was valid until \
         2025-06-01T00:00:00Z, and this machine's clock says 2026-01-01T00:00:00Z; ",
        "the certificate of `store.test` is not valid before 2027-06-01T00:00:00Z, ",
        "the certificate of `store.test` is not for servers",
        "the certificate is not for `store.test`: it has no subjectAltName",
    ];
    for (change, wanted) in change.into_iter().zip(wanted) {
        for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
            let mut params = params("store.test");
            params.is_ca = is_ca;
            change(&mut params);
            let certificate = by_itself(&params);
            let said = said(&verifier(&[&certificate]), &certificate, "store.test");
            assert!(said.starts_with(wanted), "{said}");
        }
    }
}

#[test]
fn an_address_is_not_the_name_of_a_host() {
    let mut params = params("192.0.2.1");
    params.subject_alt_names = vec![SanType::DnsName("192.0.2.1".try_into().unwrap())];
    let certificate = by_itself(&params);
    assert_eq!(
        said(&verifier(&[&certificate]), &certificate, "192.0.2.1"),
        "the certificate is not for `192.0.2.1`: it is for `192.0.2.1` as the name of a host \
         (DNS), not as an address (IP)"
    );
}

#[test]
fn who_is_missing_is_named() {
    let (authority, other) = (authority(), authority());
    let certificate = issued(&params("192.0.2.1"), &authority);
    assert_eq!(said(&verifier(&[authority.der()]), &certificate, "192.0.2.1"), "");
    let unknown = said(&verifier(&[]), &certificate, "192.0.2.1");
    let wanted = "the certificate of `192.0.2.1` has an issuer that is not trusted: `CN=cn of \
                  authority.test`; name a file with the issuer's certificate in `ca_file`";
    assert!(unknown.starts_with(wanted), "{unknown}");
    // One of the same name, and another key.
    let unlike = said(&verifier(&[other.der()]), &certificate, "192.0.2.1");
    assert!(unlike.contains("`CN=cn of authority.test`"), "{unlike}");
    let itself = said(&verifier(&[]), authority.der(), "authority.test");
    assert!(itself.contains("`CN=cn of authority.test`, which is self-signed"), "{itself}");
}

#[test]
fn a_name_is_shown_in_the_order_of_its_certificate() {
    let mut params = params("store.test");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "DE");
    params.distinguished_name.push(DnType::OrganizationName, "Example");
    params.distinguished_name.push(DnType::CommonName, "a store\nof ours");
    let said = said(&verifier(&[]), &by_itself(&params), "store.test");
    assert!(
        said.contains(r"`C=DE, O=Example, CN=a store\0aof ours`, which is self-signed"),
        "{said}"
    );
}

#[test]
fn addresses_are_shown_as_addresses() {
    let mut params = params("store.test");
    let address = |text: &str| SanType::IpAddress(text.parse().unwrap());
    params.subject_alt_names = vec![address("192.0.2.1"), address("2001:db8::1")];
    let certificate = by_itself(&params);
    assert_eq!(
        said(&verifier(&[&certificate]), &certificate, "store.test"),
        "the certificate is not for `store.test`: it is for `192.0.2.1`, `2001:db8::1`"
    );
}
