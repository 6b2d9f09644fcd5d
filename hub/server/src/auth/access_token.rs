//! Access tokens: short-lived JWTs that only this hub makes and only this hub reads.
//!
//! There is one algorithm, HS256: the cryptography that is given to the JWT library knows no other, so that no header
//! can choose one. The header itself has one spelling, and a token with another header is refused unread: keys named
//! by the token (`kid`, `jku`, `x5u`, `jwk`) have nowhere to be.

use std::sync::OnceLock;

use dreamseed_wire::{
    account::Role,
    ids::{DeviceId, HubId, SessionId, UserId},
};
use jiff::Timestamp;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind},
    signature::{self, Signer, Verifier},
};
use ring::hmac;
use serde::{Deserialize, Serialize};

/// `{"typ":"JWT","alg":"HS256"}` in base64url, with the dot that follows it.
const HEADER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.";
/// A token of this hub is about 450 bytes long; longer ones are not decoded at all.
pub const LENGTH_MAX: usize = 2048;
/// The hub's interface is the only one that takes these tokens.
const AUDIENCE: &str = "hub";

/// Why a token is not accepted. For the log; clients are told to sign in and nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("longer than any token of this hub")]
    TooLong,
    #[error("not with the header of this hub's tokens")]
    Header,
    #[error("not signed by this hub, or without a required claim")]
    Forged,
    #[error("made for another hub")]
    OtherHub,
    #[error("past its time")]
    Expired,
    #[error("before its time")]
    Early,
}

/// What a token says. All of it is compared with the hub's own state before it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// `dreamseed:<hub id>`.
    pub iss: String,
    pub aud: String,
    pub sub: UserId,
    pub sid: SessionId,
    pub role: Role,
    /// Raised whenever the account's secret or state changes.
    pub tv: i64,
    /// Unix seconds.
    pub iat: i64,
    pub exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// The device to which the session belongs, once devices enrol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev: Option<DeviceId>,
}

/// Signs and reads access tokens.
pub struct AccessTokens {
    sign: EncodingKey,
    verify: DecodingKey,
    validation: Validation,
}

impl AccessTokens {
    /// Takes the signing key.
    ///
    /// # Errors
    /// If this process has given the JWT library other cryptography.
    pub fn new(key: &[u8; 32]) -> Result<Self, Error> {
        install_provider()?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_audience(&[AUDIENCE]);
        // The library reads the machine's clock; times are compared here with the hub's clock, to the second.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.leeway = 0;
        Ok(AccessTokens {
            sign: EncodingKey::from_secret(key),
            verify: DecodingKey::from_secret(key),
            validation,
        })
    }

    /// Signs a token.
    pub fn sign(&self, claims: &Claims) -> Result<String, Error> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.sign)
    }

    /// Reads a token that was made by this hub and is in its time.
    pub fn read(&self, hub: HubId, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        if token.len() > LENGTH_MAX {
            return Err(TokenError::TooLong);
        }
        if !token.starts_with(HEADER) {
            return Err(TokenError::Header);
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.verify, &self.validation)
            .map_err(|_| TokenError::Forged)?
            .claims;
        if claims.iss != issuer(hub) {
            return Err(TokenError::OtherHub);
        }
        if claims.exp <= now.as_second() {
            return Err(TokenError::Expired);
        }
        if claims.nbf.is_some_and(|start| start > now.as_second()) {
            return Err(TokenError::Early);
        }
        Ok(claims)
    }
}

/// New claims of a session.
pub fn claims(
    hub: HubId,
    (sub, role, tv): (UserId, Role, i64),
    (sid, dev): (SessionId, Option<DeviceId>),
    now: Timestamp,
    until: Timestamp,
) -> Claims {
    Claims {
        iss: issuer(hub),
        aud: AUDIENCE.to_owned(),
        sub,
        sid,
        role,
        tv,
        iat: now.as_second(),
        exp: until.as_second(),
        nbf: None,
        dev,
    }
}

fn issuer(hub: HubId) -> String {
    format!("dreamseed:{hub}")
}

/// HMAC-SHA256 and nothing else.
static HS256_ONLY: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(hs256(*algorithm, key.as_bytes())?)),
    verifier_factory: |algorithm, key| Ok(Box::new(hs256(*algorithm, key.try_get_as_bytes()?)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

fn hs256(algorithm: Algorithm, key: &[u8]) -> Result<Hs256, Error> {
    if algorithm == Algorithm::HS256 {
        Ok(Hs256(hmac::Key::new(hmac::HMAC_SHA256, key)))
    } else {
        Err(ErrorKind::InvalidAlgorithm.into())
    }
}

struct Hs256(hmac::Key);

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], tag: &Vec<u8>) -> Result<(), signature::Error> {
        // In constant time.
        hmac::verify(&self.0, message, tag).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

fn install_provider() -> Result<(), Error> {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    if *INSTALLED.get_or_init(|| HS256_ONLY.install_default().is_ok()) {
        Ok(())
    } else {
        Err(ErrorKind::Provider("another JWT provider is installed in this process".to_owned()).into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn now() -> Timestamp {
        "2026-11-23T00:00:00Z".parse().expect("time")
    }

    fn good(hub: HubId) -> Value {
        let until = Timestamp::from_second(now().as_second() + 900).expect("time");
        let claims = claims(hub, (UserId::new(), Role::Student, 1), (SessionId::new(), None), now(), until);
        serde_json::to_value(claims).expect("json")
    }

    fn without(mut claims: Value, name: &str) -> Value {
        claims.as_object_mut().expect("object").remove(name);
        claims
    }

    fn with(mut claims: Value, name: &str, value: Value) -> Value {
        claims.as_object_mut().expect("object").insert(name.to_owned(), value);
        claims
    }

    /// A token with any header and claims, signed with HMAC-SHA256 by `key`: the strongest forgery there can be.
    fn forge(header: &Value, claims: &Value, key: &[u8]) -> String {
        let message = format!(
            "{}.{}",
            base64url(header.to_string().as_bytes()),
            base64url(claims.to_string().as_bytes())
        );
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
        format!("{message}.{}", base64url(tag.as_ref()))
    }

    fn forge_claims(claims: &Value) -> String {
        let message = format!("{HEADER}{}", base64url(claims.to_string().as_bytes()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &KEY), message.as_bytes());
        format!("{message}.{}", base64url(tag.as_ref()))
    }

    fn base64url(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            for place in 0..=chunk.len() {
                text.push(char::from(DIGITS[(word >> (18 - 6 * place)) as usize & 63]));
            }
        }
        text
    }

    #[test]
    fn a_token_of_this_hub_is_read_back() {
        let tokens = AccessTokens::new(&KEY).expect("provider");
        let hub = HubId::new();
        let claims: Claims = serde_json::from_value(good(hub)).expect("claims");
        let token = tokens.sign(&claims).expect("signed");
        assert!(token.starts_with(HEADER), "{token}");
        assert!(token.len() < 512, "{}", token.len());
        assert_eq!(tokens.read(hub, &token, now()), Ok(claims));
        // The forger of these tests can sign as well as the hub does: what follows fails for its own reason.
        assert!(tokens.read(hub, &forge_claims(&good(hub)), now()).is_ok());
    }

    #[test]
    fn no_header_but_the_hubs_own_is_taken() {
        let tokens = AccessTokens::new(&KEY).expect("provider");
        let hub = HubId::new();
        let headers = [
            json!({"typ": "JWT", "alg": "none"}),
            json!({"typ": "JWT", "alg": "None"}),
            json!({"typ": "JWT", "alg": "NONE"}),
            json!({"typ": "JWT", "alg": ""}),
            json!({"typ": "JWT"}),
            json!({"typ": "JWT", "alg": "HS384"}),
            json!({"typ": "JWT", "alg": "HS512"}),
            json!({"typ": "JWT", "alg": "RS256"}),
            json!({"typ": "JWT", "alg": "ES256"}),
            json!({"typ": "JWT", "alg": "EdDSA"}),
            json!({"alg": "HS256"}),
            json!({"typ": "at+jwt", "alg": "HS256"}),
            json!({"typ": "JWT", "alg": "HS256", "kid": "../../../dev/null"}),
            json!({"typ": "JWT", "alg": "HS256", "kid": "' UNION SELECT '"}),
            json!({"typ": "JWT", "alg": "HS256", "jku": "http://evil.example/keys"}),
            json!({"typ": "JWT", "alg": "HS256", "x5u": "http://evil.example/cert"}),
            json!({"typ": "JWT", "alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}}),
            json!({"typ": "JWT", "alg": "HS256", "crit": ["exp"]}),
            json!({"typ": "JWT", "alg": "HS256", "zip": "DEF"}),
        ];
        for header in headers {
            let token = forge(&header, &good(hub), &KEY);
            assert_eq!(tokens.read(hub, &token, now()), Err(TokenError::Header), "{header}");
        }
    }

    #[test]
    fn the_provider_knows_one_algorithm() {
        AccessTokens::new(&KEY).expect("provider");
        let others = [
            Algorithm::HS384,
            Algorithm::HS512,
            Algorithm::RS256,
            Algorithm::PS256,
            Algorithm::ES256,
            Algorithm::EdDSA,
        ];
        for other in others {
            assert!(
                (HS256_ONLY.signer_factory)(&other, &EncodingKey::from_secret(&KEY)).is_err(),
                "{other:?}"
            );
            assert!(
                (HS256_ONLY.verifier_factory)(&other, &DecodingKey::from_secret(&KEY)).is_err(),
                "{other:?}"
            );
        }
    }

    #[test]
    fn no_claim_may_be_missing_wrong_or_edited() {
        let tokens = AccessTokens::new(&KEY).expect("provider");
        let hub = HubId::new();
        let at = now().as_second();
        let table = [
            (without(good(hub), "exp"), TokenError::Forged),
            (without(good(hub), "iss"), TokenError::Forged),
            (without(good(hub), "aud"), TokenError::Forged),
            (without(good(hub), "sub"), TokenError::Forged),
            (without(good(hub), "sid"), TokenError::Forged),
            (without(good(hub), "tv"), TokenError::Forged),
            (with(good(hub), "aud", json!("cloud")), TokenError::Forged),
            (with(good(hub), "aud", json!(["hub", "cloud"])), TokenError::Forged),
            (with(good(hub), "exp", json!("never")), TokenError::Forged),
            (with(good(hub), "exp", json!(1e300)), TokenError::Forged),
            (with(good(hub), "sub", json!("1")), TokenError::Forged),
            (with(good(hub), "role", json!("owner")), TokenError::Forged),
            (with(good(hub), "iss", json!("dreamseed")), TokenError::OtherHub),
            (good(HubId::new()), TokenError::OtherHub),
            (with(good(hub), "exp", json!(at)), TokenError::Expired),
            (with(good(hub), "exp", json!(at - 1)), TokenError::Expired),
            (with(good(hub), "exp", json!(0)), TokenError::Expired),
            (with(good(hub), "nbf", json!(at + 1)), TokenError::Early),
        ];
        for (claims, expected) in table {
            assert_eq!(tokens.read(hub, &forge_claims(&claims), now()), Err(expected), "{claims}");
        }
    }

    #[test]
    fn what_is_edited_or_signed_by_others_is_refused() {
        let tokens = AccessTokens::new(&KEY).expect("provider");
        let hub = HubId::new();
        let token = forge_claims(&good(hub));
        let tag = token.rsplit('.').next().expect("tag");
        let promoted = base64url(with(good(hub), "role", json!("admin")).to_string().as_bytes());
        assert_eq!(tokens.read(hub, &format!("{HEADER}{promoted}.{tag}"), now()), Err(TokenError::Forged));

        let header = json!({"typ": "JWT", "alg": "HS256"});
        let keyless =
            forge(&header, &good(hub), b"").replacen(&base64url(header.to_string().as_bytes()), HEADER, 1);
        assert!(tokens.read(hub, &keyless, now()).is_err());
        let body = token.rsplit_once('.').expect("body").0;
        for cut in
            ["", ".", "..", "...", HEADER, body, &format!("{body}."), &format!("{token}."), &token[1..]]
        {
            assert!(tokens.read(hub, cut, now()).is_err(), "{cut}");
        }
        for place in HEADER.len()..token.len() - 1 {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ascii");
            assert!(tokens.read(hub, &changed, now()).is_err(), "byte {place}");
        }
    }

    #[test]
    fn a_huge_token_is_refused_unread() {
        let tokens = AccessTokens::new(&KEY).expect("provider");
        let huge = format!("{HEADER}{}", "A".repeat(1 << 20));
        assert_eq!(tokens.read(HubId::new(), &huge, now()), Err(TokenError::TooLong));
    }
}
