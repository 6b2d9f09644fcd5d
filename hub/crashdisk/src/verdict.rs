//! Compares what a hub has after a cut with what was acknowledged before it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, Result};
use dreamseed_hub::store::{ReadConn, StoreError, attempts, attempts::StoredAttempt};
use dreamseed_wire::ids::*;

use crate::{
    lesson::{self, Acknowledged, Sent},
    machine::Machine,
    school::School,
};

/// Acknowledged answers that are sent again, to see whether they get their first receipt.
const SENT_AGAIN: usize = 8;

/// What a hub was found with.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Acknowledged and there, with the same content at the same place.
    pub found: usize,
    /// Acknowledged and gone, or other than acknowledged, in words.
    pub lost: Vec<String>,
    /// Kept twice, or never sent.
    pub doubled: Vec<String>,
    /// Whatever else is wrong with the hub.
    pub broken: Vec<String>,
    /// The epoch that the hub is in.
    pub epoch: i64,
}

/// Looks these answers up in the hub's database, and whether the database is whole.
pub fn look_up(machine: &Machine, school: &School, acknowledged: &[Acknowledged]) -> Result<Verdict> {
    let store = machine.hub()?.ctx.store.clone();
    let ids: Vec<_> = acknowledged.iter().map(|kept| kept.sent.answer.attempt_id).collect();
    let read = store.read(move |conn| {
        let mut broken = find_damage(conn)?;
        // The answers of this cut and of the one before it.
        let hashed = u32::try_from(ids.len() * 2).unwrap_or(u32::MAX);
        let unfit = attempts::find_damaged(conn, hashed)?;
        broken.extend(unfit.iter().map(|place| format!("answer {place} does not fit its hash")));
        let found = ids.iter().map(|id| attempts::get(conn, *id)).collect::<Result<Vec<_>, _>>()?;
        Ok::<_, StoreError>((broken, found))
    });
    let (broken, found) = machine.block_on(read)??;
    let mut verdict = Verdict { broken, epoch: store.record().current.number, ..Verdict::default() };
    judge(&mut verdict, school, acknowledged, &found);
    Ok(verdict)
}

/// Looks every pupil's answers through: whether all that were acknowledged are there once, and none that nobody sent.
pub fn look_through(
    machine: &Machine,
    school: &School,
    acknowledged: &[Acknowledged],
    unanswered: &[Sent],
) -> Result<Verdict> {
    let mut verdict = look_up(machine, school, acknowledged)?;
    let pupils = school.pupil_ids();
    let store = machine.hub()?.ctx.store.clone();
    let read = store.read(move |conn| {
        let of_each = pupils.iter().map(|pupil| attempts::of_pupil(conn, *pupil, u32::MAX));
        Ok::<_, StoreError>(of_each.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect::<Vec<_>>())
    });
    let all: Vec<StoredAttempt> = machine.block_on(read)??;
    let sent: BTreeSet<AttemptId> = acknowledged
        .iter()
        .map(|kept| &kept.sent)
        .chain(unanswered)
        .map(|sent| sent.answer.attempt_id)
        .collect();
    let mut times: BTreeMap<AttemptId, usize> = BTreeMap::new();
    for attempt in &all {
        *times.entry(attempt.id).or_default() += 1;
    }
    for (id, times) in &times {
        if *times > 1 {
            verdict.doubled.push(format!("{id} is there {times} times"));
        }
        if !sent.contains(id) {
            verdict.doubled.push(format!("{id} is there, and nobody sent it"));
        }
    }
    let missing =
        acknowledged.iter().map(|kept| kept.sent.answer.attempt_id).filter(|id| !times.contains_key(id));
    verdict.broken.extend(missing.map(|id| format!("{id} is not among its pupil's answers")));
    Ok(verdict)
}

/// Sends a sample of the acknowledged answers again: each must get its first receipt.
pub fn send_again(
    machine: &Machine,
    school: &School,
    acknowledged: &[Acknowledged],
    verdict: &mut Verdict,
) -> Result<()> {
    let step = acknowledged.len().div_ceil(SENT_AGAIN).max(1);
    for kept in acknowledged.iter().rev().step_by(step) {
        let again = send(machine, school, &kept.sent)?;
        let places = [&kept.receipt, &again].map(|receipt| (receipt.epoch, &receipt.receipt, &receipt.grade));
        if places[0] != places[1] {
            verdict.doubled.push(format!("{}: sent again, it was kept again", again.attempt_id));
        }
    }
    Ok(())
}

/// Sends what had no receipt again, as a pupil's device does; the hub must take it.
pub fn deliver(machine: &Machine, school: &School, unanswered: Vec<Sent>) -> Result<Vec<Acknowledged>> {
    let deliver = |sent: Sent| send(machine, school, &sent).map(|receipt| Acknowledged { sent, receipt });
    unanswered.into_iter().map(deliver).collect()
}

fn send(machine: &Machine, school: &School, sent: &Sent) -> Result<dreamseed_wire::attempt::AttemptReceipt> {
    let pupil = lesson::client(machine)?.with_token(&*school.pupils[sent.pupil].token);
    machine.block_on(pupil.submit_answer(&sent.answer))?.context("sending an answer again")
}

/// What SQLite's own checks say of a database that is not whole.
fn find_damage(conn: &ReadConn) -> Result<Vec<String>, StoreError> {
    let mut damage = Vec::new();
    let said: String = conn.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
    if said != "ok" {
        damage.push(format!("integrity_check: {said}"));
    }
    conn.pragma_query(None, "foreign_key_check", |row| {
        let table: String = row.get(0)?;
        damage.push(format!("foreign_key_check: a row of {table}"));
        Ok(())
    })?;
    Ok(damage)
}

fn judge(
    verdict: &mut Verdict,
    school: &School,
    acknowledged: &[Acknowledged],
    found: &[Option<StoredAttempt>],
) {
    let mut places = HashMap::new();
    for (kept, found) in acknowledged.iter().zip(found) {
        let Acknowledged { sent: Sent { pupil, answer }, receipt } = kept;
        let id = answer.attempt_id;
        if let Some(other) = places.insert((receipt.epoch, receipt.hub_seq), id) {
            verdict.doubled.push(format!("{id} and {other} were both given place {}", receipt.hub_seq));
        }
        let Some(found) = found else {
            verdict.lost.push(format!("{id}: acknowledged as number {}, not there", receipt.hub_seq));
            continue;
        };
        let has = (found.pupil_id, found.epoch, found.hub_seq, found.problem_version_id, found.lesson_id);
        let had = (
            school.pupils[*pupil].id,
            receipt.epoch,
            receipt.hub_seq,
            answer.problem_version_id,
            answer.lesson_id,
        );
        if has == had && found.answer.as_ref() == Some(&answer.answer) {
            verdict.found += 1;
        } else {
            verdict.lost.push(format!("{id}: another content than acknowledged"));
        }
    }
}
