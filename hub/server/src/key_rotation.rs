//! New keys and secrets from the hub's own machine, with the hub stopped: after a leak, and when an admin is locked out.
//! `docs/secrets.*.md` says when to run which.

use anyhow::{Context, bail};
use dreamseed_wire::ids::UserId;
use jiff::Timestamp;

use crate::{
    auth::{
        accounts::normalise_login_name,
        keys::{self, SessionKey},
        secrets::{SecretKind, Secrets, make_first_password},
    },
    backup::restore,
    config::Config,
    ledgers,
    store::{
        self, Store, StoreError,
        audit::{self, AuditEntry},
        hub_meta, sessions, users,
    },
};

const REASON: &str = "keys rotated";

/// What is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotated {
    /// The keys that sign access and refresh tokens: everyone signs in again.
    SignIn,
    /// The token with which a collector reads `/metrics` from another machine.
    Metrics,
    /// The pepper of all PINs and passwords: none is right any more. Admins get first passwords, the others new ones
    /// from them.
    Secrets,
}

/// A first password, told this once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstPassword {
    pub login_name: String,
    pub password: String,
}

/// Makes new keys; for [`Rotated::Secrets`] returns the admins' first passwords.
///
/// Every step may be run again: after a cut in the middle the same command finishes the work.
///
/// # Errors
/// A data folder in which a hub works, and disks that cannot be written.
pub async fn rotate(config: &Config, what: Rotated, now: Timestamp) -> anyhow::Result<Vec<FirstPassword>> {
    let store = open_record(config, now)?;
    let done = match what {
        Rotated::Metrics => {
            keys::renew_metrics_token(&config.data).context("the new key cannot be written")?;
            note(&store, "rotate metrics token", now).await.map(|()| Vec::new())
        }
        Rotated::SignIn => rotate_sign_in(config, &store, now).await.map(|()| Vec::new()),
        Rotated::Secrets => rotate_secrets(config, &store, now).await,
    };
    store.close().await;
    done
}

/// A first password for somebody of the staff or a parent, from the hub's own machine.
///
/// # Errors
/// A name that no open account has; a data folder in which a hub works.
pub async fn reset_password(
    config: &Config,
    login_name: &str,
    now: Timestamp,
) -> anyhow::Result<FirstPassword> {
    let store = open_record(config, now)?;
    let done = set_first_password(config, &store, normalise_login_name(login_name), now).await;
    store.close().await;
    done
}

fn open_record(config: &Config, now: Timestamp) -> anyhow::Result<Store> {
    restore::finish_cut_off(&config.data)?;
    let path = store::database_path(&config.data);
    if !path.exists() {
        bail!(
            "데이터 폴더 {0}에 학교가 없습니다. --config나 --data로 허브의 폴더를 주세요.\n\
             There is no school in the data folder {0}. Name the hub's own with --config or --data.",
            config.data.display()
        );
    }
    let first = hub_meta::FirstStart { now, time_zone: config.time_zone.clone() };
    Store::open(&path, &first, |_| {}).map_err(|err| {
        if matches!(err, StoreError::InUse) {
            return anyhow::anyhow!(
                "허브가 켜져 있습니다. 멈춘 뒤 다시 실행하세요: systemctl stop dreamseed-hub\n\
                 The hub is running. Stop it first, then run this again: systemctl stop dreamseed-hub"
            );
        }
        anyhow::Error::new(err).context("the database cannot be opened")
    })
}

async fn rotate_sign_in(config: &Config, store: &Store, now: Timestamp) -> anyhow::Result<()> {
    // The record first: a cut in between leaves old keys whose sessions have all ended.
    end_everyone(store, now).await?;
    for key in [SessionKey::Access, SessionKey::Refresh] {
        keys::renew_session_key(&config.data, key).context("the new key cannot be written")?;
    }
    note(store, "rotate sign-in keys", now).await
}

async fn rotate_secrets(
    config: &Config,
    store: &Store,
    now: Timestamp,
) -> anyhow::Result<Vec<FirstPassword>> {
    let pepper = keys::renew_pepper(&config.data).context("the new key cannot be written")?;
    let secrets = Secrets::new(pepper, config.sign_in.parallel_hashes)?;
    let admins = store.read(users::admins).await.map_err(|err: StoreError| err)?;
    let mut told = Vec::with_capacity(admins.len());
    let mut hashed = Vec::with_capacity(admins.len());
    for (id, login_name) in admins {
        let password = make_first_password()?;
        hashed.push((id, secrets.hash(SecretKind::Password, &password).await?));
        told.push(FirstPassword { login_name, password });
    }
    store
        .write(move |tx| {
            users::void_secrets(tx)?;
            for (id, hash) in &hashed {
                users::change_secret(tx, *id, hash, true)?;
                ledgers::note_secret(tx, *id, now)?;
            }
            sessions::end_all(tx, now, REASON)?;
            audit::add(tx, &at_console("rotate secrets", None, now))
        })
        .await
        .map_err(|err: StoreError| err)?;
    Ok(told)
}

async fn set_first_password(
    config: &Config,
    store: &Store,
    login_name: String,
    now: Timestamp,
) -> anyhow::Result<FirstPassword> {
    let wanted = login_name.clone();
    let found =
        store.read(move |conn| users::find_login(conn, &wanted)).await.map_err(|err: StoreError| err)?;
    let Some((id, _)) = found else {
        bail!("그런 계정이 없습니다: {login_name}\nThere is no such account: {login_name}");
    };
    let keys = keys::Keys::open(&config.data, true)?;
    let secrets = Secrets::new(keys.pepper, config.sign_in.parallel_hashes)?;
    let password = make_first_password()?;
    let hash = secrets.hash(SecretKind::Password, &password).await?;
    store
        .write(move |tx| {
            // A flipped bit in it shuts the account out, whatever its password is.
            users::mend_role(tx, id)?;
            users::change_secret(tx, id, &hash, true)?;
            ledgers::note_secret(tx, id, now)?;
            sessions::end_of_user(tx, id, None, now, REASON)?;
            audit::add(tx, &at_console("reset password", Some(id), now))
        })
        .await
        .map_err(|err: StoreError| err)?;
    Ok(FirstPassword { login_name, password })
}

async fn end_everyone(store: &Store, now: Timestamp) -> anyhow::Result<()> {
    store.write(move |tx| sessions::end_all(tx, now, REASON)).await.map_err(|err: StoreError| err)?;
    Ok(())
}

async fn note(store: &Store, action: &'static str, now: Timestamp) -> anyhow::Result<()> {
    store
        .write(move |tx| audit::add(tx, &at_console(action, None, now)))
        .await
        .map_err(|err: StoreError| err)?;
    Ok(())
}

fn at_console(action: &str, subject: Option<UserId>, at: Timestamp) -> AuditEntry<'_> {
    AuditEntry { at, actor: None, origin: Some("console"), action, subject, detail: "" }
}
