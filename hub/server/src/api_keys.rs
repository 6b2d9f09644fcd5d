//! Keys with which programs of the school read reports and figures: made by an admin, shown once, ended by an admin.
//!
//! The live keys stand in memory by their hash, so that a request with one costs no query. When each was used is kept
//! now and then ([`ApiKeys::keep_used`]).

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use dreamseed_wire::{
    account::Role,
    house::{AddApiKey, ApiKeyView, NewApiKey},
    ids::{ApiKeyId, SessionId, UserId},
};
use jiff::{SignedDuration, Timestamp};
use parking_lot::RwLock;

use crate::{
    api::extract::Caller,
    auth::By,
    hub::Ctx,
    limits::KeyLimit,
    store::{
        Store, StoreError,
        api_keys::{self as rows, ApiKeyRow},
        to_time,
    },
};

/// What every key begins with, so that people and secret scanners know one when they see it.
pub const PREFIX: &str = "dsk_";
/// Characters of a key: 32 random bytes in base64url.
const LENGTH: usize = PREFIX.len() + 43;
const NAME_MAX: usize = 60;
const PER_MINUTE_MAX: u32 = 10_000;
/// Ten years.
const DAYS_MAX: u32 = 3_653;

/// Why a key cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyError {
    #[error("{field} cannot be: {why}")]
    BadField { field: &'static str, why: &'static str },
    #[error("the system gives no random numbers")]
    Random(#[from] getrandom::Error),
    #[error("the key could not be kept")]
    Store(#[from] StoreError),
}

/// The keys that have not been ended.
pub struct ApiKeys {
    live: RwLock<HashMap<[u8; 32], Arc<LiveKey>>>,
}

/// A key in use.
pub struct LiveKey {
    pub id: ApiKeyId,
    pub limit: KeyLimit,
    made_by: Option<UserId>,
    expires_at: Option<Timestamp>,
    /// Unix milliseconds of the latest request; 0 if there was none.
    used: AtomicI64,
    kept: AtomicI64,
}

impl LiveKey {
    fn new(row: &ApiKeyRow) -> Arc<Self> {
        let used = row.last_used_at.map_or(0, Timestamp::as_millisecond);
        Arc::new(LiveKey {
            id: row.id,
            limit: KeyLimit::per_minute(row.per_minute),
            made_by: row.made_by,
            expires_at: row.expires_at,
            used: AtomicI64::new(used),
            kept: AtomicI64::new(used),
        })
    }

    /// The program as a caller: what it may do at all says [`crate::permissions::BY_API_KEY`].
    pub fn caller(&self) -> Caller {
        Caller {
            user_id: self.made_by.unwrap_or_default(),
            session_id: SessionId(self.id.0),
            role: Role::Admin,
            expires_at: self.expires_at.unwrap_or(Timestamp::MAX),
        }
    }
}

impl ApiKeys {
    /// Reads the keys that have not been ended.
    pub async fn load(store: &Store) -> Result<Self, StoreError> {
        let found = store.read(rows::list).await?;
        let live = found.iter().filter(|row| row.revoked_at.is_none());
        Ok(ApiKeys { live: RwLock::new(live.map(|row| (row.hash, LiveKey::new(row))).collect()) })
    }

    /// The key that a request shows, if it is one of ours and in its time; notes that it was used.
    pub fn verify(&self, shown: &str, now: Timestamp) -> Option<Arc<LiveKey>> {
        if shown.len() != LENGTH || !is_key(shown) {
            return None;
        }
        let key = self.live.read().get(blake3::hash(shown.as_bytes()).as_bytes()).cloned()?;
        if key.expires_at.is_some_and(|end| end <= now) {
            return None;
        }
        key.used.fetch_max(now.as_millisecond(), Relaxed);
        Some(key)
    }

    /// Keeps when the keys were used.
    pub async fn keep_used(&self, store: &Store) -> Result<(), StoreError> {
        let news: Vec<_> = self
            .live
            .read()
            .values()
            .map(|key| (Arc::clone(key), key.used.load(Relaxed)))
            .filter(|(key, used)| *used > key.kept.load(Relaxed))
            .collect();
        if news.is_empty() {
            return Ok(());
        }
        let times: Vec<_> = news.iter().map(|(key, used)| (key.id, to_time(*used))).collect();
        store.write(move |tx| times.iter().try_for_each(|(id, at)| rows::see(tx, *id, *at))).await?;
        for (key, used) in news {
            key.kept.fetch_max(used, Relaxed);
        }
        Ok(())
    }

    fn used_at(&self, row: &ApiKeyRow) -> Option<Timestamp> {
        let used = self.live.read().get(&row.hash).map(|key| key.used.load(Relaxed)).filter(|used| *used > 0);
        used.map(to_time).or(row.last_used_at)
    }
}

/// Whether a bearer token is meant to be a key.
pub fn is_key(token: &str) -> bool {
    token.starts_with(PREFIX)
}

/// All keys, newest first, without what would let anybody use them.
pub async fn list(ctx: &Ctx) -> Result<Vec<ApiKeyView>, StoreError> {
    let found = ctx.store.read(rows::list).await?;
    let view = |row: ApiKeyRow| ApiKeyView {
        last_used_at: ctx.api_keys.used_at(&row),
        api_key_id: row.id,
        name: row.name,
        per_minute: row.per_minute,
        created_at: row.created_at,
        expires_at: row.expires_at,
        revoked: row.revoked_at.is_some(),
    };
    Ok(found.into_iter().map(view).collect())
}

/// Makes a key; it is told this once.
///
/// # Errors
/// A name or number that cannot be.
pub async fn add(ctx: &Ctx, by: By, new: AddApiKey) -> Result<NewApiKey, ApiKeyError> {
    let now = ctx.clock.now();
    let name = new.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(ApiKeyError::BadField { field: "name", why: "1 to 60 characters" });
    }
    if !(1..=PER_MINUTE_MAX).contains(&new.per_minute) {
        return Err(ApiKeyError::BadField { field: "per_minute", why: "between 1 and 10000" });
    }
    if new.days.is_some_and(|days| !(1..=DAYS_MAX).contains(&days)) {
        return Err(ApiKeyError::BadField { field: "days", why: "between 1 and 3653" });
    }
    let ends = |days: u32| now.checked_add(SignedDuration::from_hours(24 * i64::from(days)));
    let mut random = [0; 32];
    getrandom::fill(&mut random)?;
    let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
    let row = ApiKeyRow {
        id: ApiKeyId::new(),
        name,
        hash: *blake3::hash(key.as_bytes()).as_bytes(),
        per_minute: new.per_minute,
        made_by: by.actor,
        created_at: now,
        expires_at: new.days.and_then(|days| ends(days).ok()),
        last_used_at: None,
        revoked_at: None,
    };
    let kept = row.clone();
    ctx.store
        .write(move |tx| {
            rows::add(tx, &kept)?;
            by.audit(tx, now, "add api key", None, &kept.id.to_string())
        })
        .await?;
    ctx.api_keys.live.write().insert(row.hash, LiveKey::new(&row));
    Ok(NewApiKey { api_key_id: row.id, key })
}

/// Ends a key at once; false if there is none or it has ended before.
pub async fn revoke(ctx: &Ctx, by: By, id: ApiKeyId) -> Result<bool, StoreError> {
    let now = ctx.clock.now();
    let was_live = ctx
        .store
        .write(move |tx| {
            let was_live = rows::revoke(tx, id, now)?;
            if was_live {
                by.audit(tx, now, "revoke api key", None, &id.to_string())?;
            }
            Ok::<_, StoreError>(was_live)
        })
        .await?;
    ctx.api_keys.live.write().retain(|_, key| key.id != id);
    Ok(was_live)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_as_long_as_said() {
        assert_eq!(PREFIX.len() + URL_SAFE_NO_PAD.encode([7; 32]).len(), LENGTH);
    }
}
