//! The key of a certificate, and what it signed.

use std::time::Duration;

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use rustls::pki_types::{CertificateDer, UnixTime, pem::PemObject};
use webpki::{EndEntityCert, Error, KeyUsage};

use super::message::SignatureVersion;

/// A certificate that was fetched. Whom it is of is known by where it was fetched from: SNS sends no chain with it.
#[derive(Clone)]
pub struct SigningCertificate {
    certificate: CertificateDer<'static>,
}

impl SigningCertificate {
    /// The first certificate of a PEM text.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let certificate = CertificateDer::from_pem_slice(pem).map_err(|e| format!("not PEM: {e}"))?;
        EndEntityCert::try_from(&certificate).map_err(|e| format!("not a certificate: {e}"))?;
        Ok(Self { certificate: certificate.into_owned() })
    }

    /// Whether it is in force at this moment.
    pub fn check_validity(&self, now_ms: i64) -> Result<(), String> {
        let parsed = self.parsed()?;
        let now = UnixTime::since_unix_epoch(Duration::from_millis(now_ms.max(0) as u64));
        // Without anybody to trust there is no path to verify: only what the certificate says of itself is looked at,
        // and its time comes first.
        let checked =
            parsed.verify_for_usage(&[], &[], &[], now, KeyUsage::server_auth(), None, None).map(|_| ());
        match checked {
            Err(Error::CertExpired { .. }) => Err("the certificate has expired".to_owned()),
            Err(Error::CertNotValidYet { .. }) => Err("the certificate is not valid yet".to_owned()),
            Err(Error::InvalidCertValidity) => Err("the certificate is never valid".to_owned()),
            Err(_) | Ok(()) => Ok(()),
        }
    }

    /// Whether the key signed these bytes; RSA of 2048 bits and more.
    pub fn verify(&self, version: SignatureVersion, signed: &[u8], signature: &[u8]) -> Result<(), String> {
        let algorithm = match version {
            SignatureVersion::Sha1 => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            SignatureVersion::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
        };
        let key = self.parsed()?.subject_public_key_info();
        UnparsedPublicKey::new(algorithm, key.as_ref())
            .verify(signed, signature)
            .map_err(|_| "not made with the certificate's key over this message".to_owned())
    }

    fn parsed(&self) -> Result<EndEntityCert<'_>, String> {
        EndEntityCert::try_from(&self.certificate).map_err(|e| format!("not a certificate: {e}"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;

    // Made with `openssl req -x509 -newkey rsa:2048 -nodes -days 365` and `openssl dgst -sha1 -sign` (`-sha256`), which know
    // nothing of this code. The keys are gone.
    const MESSAGE: &[u8] = b"Message\nHello\n";
    pub const VALID_MS: i64 = 1_797_000_000_000;
    pub const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----
MIIDFzCCAf+gAwIBAgIUKQoHuestz6i1Tq5eaIboo9pChKYwDQYJKoZIhvcNAQEL
BQAwGzEZMBcGA1UEAwwQc25zLmV4YW1wbGUudGVzdDAeFw0yNjExMzAwMTExMzZa
Fw0yNzExMzAwMTExMzZaMBsxGTAXBgNVBAMMEHNucy5leGFtcGxlLnRlc3QwggEi
MA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQCsBaZQZ2Huo7Uc9ufWYAd4MZ63
boelGSyAAn2yTwY37bfwY/kErG1lJVYrgJB3i/WImPKRerNzW62VTx6Ec4hBj8fy
nd+6ozKvXQaJV/hq52pWO7I728rSi5eXzAT5kMpp7dfTo1+/nFfIzCC4vBdamV5a
DmsBUnHsp+NvwhkzIGdVTJEKy9C/Zi4CCXy6Xch8/dWymOAQzeLI3EGu41tpAwR1
D6dPXBLNmqTXYP1GCCR/Ie64oaunUsTOM3BIdU7Ne8qcAyHV+oc4lEv+4gnGyKBy
1+QU7BxO3FI20/630yexJS+dSz/oXbtEWzIhGDeJKI7jJLA9bItB85+65/uZAgMB
AAGjUzBRMB0GA1UdDgQWBBTyllVE+GPNVbCtXSu562EpDyE6VDAfBgNVHSMEGDAW
gBTyllVE+GPNVbCtXSu562EpDyE6VDAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3
DQEBCwUAA4IBAQCFr3gskqc56LZIUvGQhdOz9LfyCyNdyzL7tN374H7Z51KRNw4j
Yq8tLHDD338ZYHxppSg4+Oz+SUpqYWYzM9/E0p8GsRKZdhtnpySz1kSNOriiH5g/
I9QmNkwl95oH2Ipyj/sPNRYQc0c7rGPeM24KA7BKyK+GtdgUJkVztgUVx2iLkhhY
d2fW9RowoIRSpukwZb/oXOc+gF83/nMz/h8SQss+7lb2fLDwaragCluqTIy6urOl
9sq5pDTY5uIJplLl/M1cEMEG/RTR+Ru3hwtGHbJtvgD1RjJwfwj+SLO+GRyxoG/S
Z9JpyAiVnl9pqZfq2Mt7PpXoOkBsS3z3uppz
-----END CERTIFICATE-----
";
    const SHA1: &str = "EV4lxSkbWB7TEZrU5NlYjCiVYiWNJANrdDjaAw168EZrRtZMhdXwJxu6W6fYM5U17lty4zxAEHLjSnsFliY3ISds34hYFXBa+tHL\
        wQKYI4uCVSzvfvoqPD2sZeZd2/rQg2NBy55nJ1sSwRkw1Euje9M86PZFmXrHMt0wxME5E37DoIg3fZoFCO7GIYW7bNxSOpYr1T68\
        pYy4rjrOuWgc3iTLqDacCY4lB24umUC/BQZvNPNEY0ZB8Ce/uIG6Bf40L1Ls7rmiYwcceDwRtv/5g1DDHRUwZ+eJp1I0bOVmo+PF\
        uUkv7Ek05iB1fVXI+BfTFp9GM1lHfBMxPFFRgW7P9g==";
    const SHA256: &str = "enP/uTh4jQSB9vortLRIOqlB70Y0yN+41Ty23gZVBEWP7CINo718Z4H8FTjaevSU9/NQrS5HnvCef8VNz1Q2tSNeg9FSYHO0EmhB\
        Yr/VVrAVHfm8q0JEVWjz/o7X+Rry0Yu+0/j+YPaNbpTe5gjlooxJPmnKjHws5dzrxEjY266uIK41LBg8ySk7wnWaw3/WZN5gJ/YE\
        3MrzQ7PeADMa7MVjrgu3elC+ai5JeY64sCB7dx6ri7AFpDCM9Q/BAFMdUxp6+/bqDwGaZl4wBeJ9Gdx11/8mGpFzY9JCzTAywKb6\
        OSPDsITaz+a9oFastZ6eZjF261ccrEderMcSnumcHA==";
    /// Of 1024 bits.
    const SHORT_CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----
MIIB9DCCAV2gAwIBAgIUEA2gjFKMhqzdHHg6YEAnUhVSxagwDQYJKoZIhvcNAQEL
BQAwDDEKMAgGA1UEAwwBczAeFw0yNjExMzAwMTExMzdaFw0yNzExMzAwMTExMzda
MAwxCjAIBgNVBAMMAXMwgZ8wDQYJKoZIhvcNAQEBBQADgY0AMIGJAoGBAMufyt2T
R7r+fYHyAqMCbHYVIYK1g9U2l5NDDdotj+l8kAHyBcDc7IjoW1wqmNtBtHCYGhVn
Z3V/WsIXlvOCISskTbeBIZiy16IMS4aBhV5q319bUBhE1vnIBPuaJo/MdD73X6Qb
5Z15ClIjvzBnXfVvLdf/4MUTjswJpvi5OtI5AgMBAAGjUzBRMB0GA1UdDgQWBBTu
3d4GayZxngk34zykDzMkb0nFjjAfBgNVHSMEGDAWgBTu3d4GayZxngk34zykDzMk
b0nFjjAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4GBAItJmcmoe8AA
3BRrxD8ldUKY8ON5epAtLrfy5Ei2+df79q9YcppbdyJS6v78fQUH/Q40IvoEDRxN
+YATMttw6fVT7KWy1azc8lU8Pg9TKWe6BvJqW2rKV5vFtVy+5M1qyEKo768LrUk0
gbLcrHB5Ap6SktFFLhvAA3iPuVyN14cq
-----END CERTIFICATE-----
";
    const SHORT_SHA256: &str = "kD6dl4VmYSlCZJzigUITtr0dDD/MGFzxghlPNK4M05ZmCfzQZ3PtFTYVllOw6OvQ/BANZn+6u7vyt8cwo83BFqlLTiKpDoImWYvB\
        3sunfeJdAMFJrSC0OKFEanNxPouHaFPwdFX887Xm+LjxtLw3r2yZ6lJiDFrpG2YcRS3REB0=";

    fn verify(version: SignatureVersion, signed: &[u8], signature: &str) -> Result<(), String> {
        let certificate = SigningCertificate::from_pem(CERTIFICATE).unwrap();
        certificate.verify(version, signed, &STANDARD.decode(signature).unwrap())
    }

    #[test]
    fn signatures_of_both_versions_are_verified_and_no_others() {
        assert_eq!(verify(SignatureVersion::Sha1, MESSAGE, SHA1), Ok(()));
        assert_eq!(verify(SignatureVersion::Sha256, MESSAGE, SHA256), Ok(()));
        assert!(verify(SignatureVersion::Sha1, MESSAGE, SHA256).is_err());
        assert!(verify(SignatureVersion::Sha256, MESSAGE, SHA1).is_err());
        assert!(verify(SignatureVersion::Sha256, b"Message\nHallo\n", SHA256).is_err());
        assert!(verify(SignatureVersion::Sha256, MESSAGE, "").is_err());
    }

    #[test]
    fn a_key_that_is_too_short_signs_nothing() {
        let certificate = SigningCertificate::from_pem(SHORT_CERTIFICATE).unwrap();
        let signature = STANDARD.decode(SHORT_SHA256).unwrap();
        assert!(certificate.verify(SignatureVersion::Sha256, MESSAGE, &signature).is_err());
    }

    #[test]
    fn a_certificate_counts_from_its_first_day_to_its_last() {
        let certificate = SigningCertificate::from_pem(CERTIFICATE).unwrap();
        let year_ms = 366 * 24 * 3_600_000;
        assert_eq!(certificate.check_validity(VALID_MS), Ok(()));
        assert!(certificate.check_validity(VALID_MS + year_ms).unwrap_err().contains("has expired"));
        assert!(certificate.check_validity(VALID_MS - year_ms).unwrap_err().contains("not valid yet"));
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        for wrong in [&b""[..], b"<html>", b"-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n"]
        {
            assert!(SigningCertificate::from_pem(wrong).is_err(), "{wrong:?}");
        }
    }
}
