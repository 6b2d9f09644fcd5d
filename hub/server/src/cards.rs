//! Cards with which pupils sign in: new PINs and codes, printed, told once and kept as hashes only.

use std::collections::HashMap;

use bytes::Bytes;
use dreamseed_wire::{ids::*, people::MakeCards};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::{
    api::extract::Caller,
    auth::{
        drop_sessions, paper,
        secrets::{SecretError, SecretKind, make_pin},
        sessions::EndReason,
    },
    hub::Ctx,
    ledgers,
    printing::{
        PrintError,
        cards::{self, Card, CardClass},
    },
    store::{
        StoreError,
        audit::{self, AuditEntry},
        sessions, sign_in_cards, users,
    },
    teaching::show_code,
};

/// Name under which devices of a school find a hub that has not been given another.
const USUAL_HOST: &str = "dreamseed.local";

/// How long a sheet can be fetched again whose reply was lost. Its PINs count already: without it the class could not sign
/// in until new ones are made.
const KEPT: SignedDuration = SignedDuration::from_mins(10);

/// The latest sheets, each for whoever made it; in memory only, since PINs stand in them.
#[derive(Default)]
pub struct RecentSheets {
    sheets: Mutex<HashMap<(ClassId, UserId), Sheet>>,
}

struct Sheet {
    pdf: Bytes,
    made_at: Timestamp,
}

impl RecentSheets {
    fn keep(&self, class: ClassId, by: UserId, pdf: Bytes, now: Timestamp) {
        self.sheets.lock().insert((class, by), Sheet { pdf, made_at: now });
    }

    /// Drops sheets whose time has passed. Run it about once a minute.
    pub fn forget_old(&self, now: Timestamp) {
        self.sheets.lock().retain(|_, sheet| now.duration_since(sheet.made_at).abs() < KEPT);
    }
}

/// Why there are no cards.
#[derive(Debug, thiserror::Error)]
pub enum CardsError {
    #[error("the class is not known")]
    UnknownClass,
    #[error("a pupil is not in the class")]
    UnknownPupil,
    #[error("no sheet was made here by this person in the last minutes")]
    NoSheet,
    #[error("the class has no pupils yet")]
    NoPupils,
    #[error("every pupil of the class has a PIN already")]
    NobodyNeedsOne,
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Print(#[from] PrintError),
    #[error("the new PINs could not be kept")]
    Store(#[from] StoreError),
}

/// New PINs and cards for pupils of a class, as PDF. Their old PINs and cards stop working and their sessions end.
pub async fn make_cards(
    ctx: &Ctx,
    caller: &Caller,
    class: ClassId,
    wanted: MakeCards,
) -> Result<Bytes, CardsError> {
    let class_id = class;
    let (class, pupils) = choose(ctx, class, &wanted)?;
    // A few hashes at a time, so that somebody who signs in meanwhile need not wait for the whole class.
    let hashes = stream::iter(pupils).map(|pupil| async {
        let hash = ctx.auth.secrets().hash(SecretKind::Pin, &pupil.pin).await?;
        Ok::<_, CardsError>((pupil, hash))
    });
    let parallel = ctx.config.sign_in.parallel_hashes.max(1);
    let pupils: Vec<(NewCard, String)> = hashes.buffered(parallel).try_collect().await?;
    // Printed before it is kept: PINs that nobody can read would lock a class out.
    let host = printed_host(ctx);
    let (pdf, pupils) = tokio::task::spawn_blocking(move || {
        let class = CardClass { address: host.clone(), ..class };
        let card = |(pupil, _): &(NewCard, String)| Card {
            number: pupil.number,
            name: pupil.name.clone(),
            pin: pupil.pin.clone(),
            link: format!("http://{host}/#/card/{}", pupil.card),
        };
        let printed: Vec<Card> = pupils.iter().map(card).collect();
        (cards::print(&class, &printed), pupils)
    })
    .await
    .map_err(|_| StoreError::Closed)?;
    let pdf = Bytes::from(pdf?);
    let (now, by) = (ctx.clock.now(), caller.user_id);
    let changed: Vec<UserId> = pupils.iter().map(|(pupil, _)| pupil.id).collect();
    let ended = ctx
        .store
        .write(move |tx| {
            let mut ended = Vec::new();
            for (pupil, hash) in &pupils {
                users::change_secret(tx, pupil.id, hash, false)?;
                ledgers::note_secret(tx, pupil.id, now)?;
                sign_in_cards::set(tx, pupil.id, &paper::hash_of(&pupil.card), now)?;
                ended.extend(sessions::end_of_user(tx, pupil.id, None, now, EndReason::SecretReset.word())?);
                audit::add(tx, &AuditEntry::by(by, "make card", "", now).about(pupil.id))?;
            }
            Ok::<_, StoreError>(ended)
        })
        .await?;
    ctx.sheets.keep(class_id, by, pdf.clone(), now);
    drop_sessions(ctx, &ended);
    for pupil in changed {
        ctx.auth.forget_failures(pupil);
    }
    ctx.school.reload(&ctx.store).await?;
    Ok(pdf)
}

/// The sheet that the caller made for a class a moment ago, in case its reply was lost on the way.
pub fn fetch_again(ctx: &Ctx, caller: &Caller, class: ClassId) -> Result<Bytes, CardsError> {
    ctx.sheets.forget_old(ctx.clock.now());
    let sheets = ctx.sheets.sheets.lock();
    sheets.get(&(class, caller.user_id)).map(|sheet| sheet.pdf.clone()).ok_or(CardsError::NoSheet)
}

/// What is typed into a browser to reach the hub: its name, and the port unless it is the usual one. A name, not a
/// number, since paper outlives the address that a router has lent.
pub fn printed_host(ctx: &Ctx) -> String {
    let host = match ctx.discovery.host_name() {
        Some(host) => host.to_string(),
        None => {
            let named = ctx.config.http.hosts.iter().find(|host| host.as_str() != "localhost");
            named.cloned().unwrap_or_else(|| USUAL_HOST.to_owned())
        }
    };
    match ctx.address.port() {
        80 => host,
        port => format!("{host}:{port}"),
    }
}

struct NewCard {
    id: UserId,
    number: u16,
    name: String,
    pin: String,
    card: String,
}

fn choose(ctx: &Ctx, class: ClassId, wanted: &MakeCards) -> Result<(CardClass, Vec<NewCard>), CardsError> {
    let school = ctx.school.get();
    let class = school.classes.get(&class).filter(|class| !class.archived).ok_or(CardsError::UnknownClass)?;
    if class.pupils.is_empty() {
        return Err(CardsError::NoPupils);
    }
    let is_here = |id: &UserId| class.pupils.iter().any(|(_, pupil)| pupil == id);
    if !wanted.pupil_ids.iter().all(is_here) {
        return Err(CardsError::UnknownPupil);
    }
    let mut pupils = Vec::new();
    for (number, id) in &class.pupils {
        let Some(person) = school.people.get(id) else { continue };
        let is_wanted = match (wanted.everyone, wanted.pupil_ids.is_empty()) {
            (true, _) => true,
            (false, true) => !person.has_pin,
            (false, false) => wanted.pupil_ids.contains(id),
        };
        if is_wanted {
            let card = paper::make_card().map_err(SecretError::from)?;
            pupils.push(NewCard {
                id: *id,
                number: *number,
                name: person.name.clone(),
                pin: make_pin()?,
                card,
            });
        }
    }
    if pupils.is_empty() {
        return Err(CardsError::NobodyNeedsOne);
    }
    let printed = CardClass {
        name: class.name.clone(),
        code: show_code(&class.code),
        address: String::new(),
        language: wanted.language,
    };
    Ok((printed, pupils))
}
