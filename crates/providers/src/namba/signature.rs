//! The signature of Namba One: `base64(hmac-sha512(secret, path + body + salt))`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha512;

/// The header with the fresh random text of each request.
pub const SALT_HEADER: &str = "x-merchant-api-salt";
/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "x-merchant-api-signature";

fn mac(secret: &SecretString, path: &str, body: &[u8], salt: &str) -> Hmac<Sha512> {
    #[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mac = Hmac::<Sha512>::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes a key of any length");
    mac.chain_update(path.as_bytes()).chain_update(body).chain_update(salt.as_bytes())
}

/// Signs the very bytes that are sent. `path` is what stands after the host, already percent-encoded; a GET has an empty body.
pub fn sign(secret: &SecretString, path: &str, body: &[u8], salt: &str) -> String {
    STANDARD.encode(mac(secret, path, body, salt).finalize().into_bytes())
}

/// Whether the signature is right, in constant time. For the stand-in, which is on the other side.
pub fn verify(secret: &SecretString, path: &str, body: &[u8], salt: &str, signature: &str) -> bool {
    STANDARD.decode(signature).is_ok_and(|bytes| mac(secret, path, body, salt).verify_slice(&bytes).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/public/merchant/payment/v1/39b826bf-6b00-4996-bee7-7bfab4e055f5/static";
    const BODY: &[u8] =
        br#"{"externalId":"123","webhookUrl":"http://test.test.test","amount":"100","amountCanBeChanged":false}"#;
    const SALT: &str = "d5afd864-7559-43d3-9f30-76805f536db9";

    fn secret() -> SecretString {
        SecretString::from("some secret from Namba One team")
    }

    #[test]
    fn the_providers_own_example_comes_out() {
        assert_eq!(
            sign(&secret(), PATH, BODY, SALT),
            "t8sXeFwOy1Y4MTFlLanOQoXev+F8kkI/xBEHmeEOkU+8sfJF4XI9Ki6tE007nks9sGTsdmK0jq0Wd3vpWZcKJg=="
        );
    }

    #[test]
    fn a_get_signs_an_empty_body() {
        assert_eq!(
            sign(&secret(), PATH, b"", SALT),
            "LHf+7wPv6ZxSmcm0MomFw5+mQ2GmVIL2or4LChYbHroa4Py8QeWHtVvfSUGfBfWRXkDI/QXXMzaFMnyP0wA67A=="
        );
    }

    #[test]
    fn any_change_breaks_it() {
        let good = sign(&secret(), PATH, BODY, SALT);
        assert!(verify(&secret(), PATH, BODY, SALT, &good));
        assert!(!verify(&SecretString::from("other"), PATH, BODY, SALT, &good));
        assert!(!verify(&secret(), "/other", BODY, SALT, &good));
        assert!(!verify(&secret(), PATH, b"{}", SALT, &good));
        assert!(!verify(&secret(), PATH, BODY, "other", &good));
        assert!(!verify(&secret(), PATH, BODY, SALT, "not base64!"));
        assert!(!verify(&secret(), PATH, BODY, SALT, ""));
        assert!(!verify(&secret(), PATH, BODY, SALT, &good[..16]));
    }
}
