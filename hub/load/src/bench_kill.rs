//! `kill`: SIGKILL under load, again and again. What was acknowledged must be there once, with the same content.
//!
//! The walk of a round: drive answers → kill at a random moment → start again → send what had no reply again, as a
//! pupil's device would → look every acknowledged answer up. At the end everything is looked up once more, places in
//! the record must be unique, a sample is sent again and must give its first receipt, and each pupil's number of
//! tries must have grown by exactly the answers of this run.

use crate::{
    http1::Connection,
    hub_process::{HubProcess, ModelUse},
    random::Random,
    report::{Report, Target, tell},
    school::{SchoolCopy, Work},
};
use anyhow::{Context, Result, bail, ensure};
use dreamseed_client::Hub;
use dreamseed_wire::{
    answer::Grade,
    attempt::{AttemptReceipt, AttemptView, SubmitAnswer},
    delivery::Receipt,
    ids::*,
};
use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};

/// How much.
#[derive(Debug, Clone, Copy)]
pub struct KillExtent {
    pub kills: u32,
    /// Acknowledged answers over all rounds, at least.
    pub acks: usize,
    pub connections: usize,
    /// Of the moments and answers.
    pub seed: u64,
}

/// What is wrong after the kills, in words.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Acknowledged and gone, or there with another content.
    pub lost: Vec<String>,
    /// Counted or kept twice.
    pub doubled: Vec<String>,
}

/// An answer that was sent: enough to send it again.
#[derive(Debug, Clone, Copy)]
struct Sent {
    attempt_id: AttemptId,
    /// Of [`Work::pupils`].
    pupil: usize,
    /// For [`crate::school::ClassWork::pick`].
    pick: u64,
}

/// An answer that the hub says it has kept.
#[derive(Debug, Clone)]
struct Acknowledged {
    sent: Sent,
    epoch: i64,
    hub_seq: i64,
    /// The hub's proof of the place.
    receipt: Receipt,
    grade: Option<Grade>,
}

/// What the connections of a round share.
#[derive(Debug, Default)]
struct Round {
    acknowledged: Vec<Acknowledged>,
    /// Sent without a reply: kept or not, nobody knows yet.
    unanswered: Vec<Sent>,
}

type Tries = HashMap<(UserId, ProblemVersionId), i64>;

/// Kills the hub under load and reports what was lost or doubled; an error if anything was.
pub async fn measure_kills(
    binary: &Path,
    school: &SchoolCopy,
    extent: KillExtent,
    now: jiff::Timestamp,
    report: &mut Report,
) -> Result<()> {
    let tokens = school.mint_tokens(binary).await?;
    let mut hub = HubProcess::start(binary, &school.data(), &school.log(), ModelUse::None).await?;
    let work = Rc::new(school.prepare_work(hub.address, tokens, now).await?);
    let tries_before = read_tries(&client_of(&hub)?, &work).await?;
    let mut random = Random::new(extent.seed);
    let mut acknowledged = Vec::new();
    let mut faults = Faults::default();
    let (mut resent, mut slowest_start) = (0, Duration::ZERO);
    for kill in 1..=extent.kills {
        let quota = extent
            .acks
            .saturating_sub(acknowledged.len())
            .div_ceil((extent.kills - kill + 1) as usize)
            .max(1);
        let delay = Duration::from_millis(random.next() % 500);
        let round = drive_and_kill(hub, &work, extent.connections, quota, delay, random.next()).await?;
        hub = HubProcess::start(binary, &school.data(), &school.log(), ModelUse::None)
            .await
            .context("starting after a kill")?;
        slowest_start = slowest_start.max(hub.ready_after);
        let client = client_of(&hub)?;
        let mut of_round = round.acknowledged;
        resent += round.unanswered.len();
        let again =
            for_each(&round.unanswered, |sent| submit_again(client.clone(), Rc::clone(&work), *sent)).await?;
        of_round.extend(
            round.unanswered.into_iter().zip(again).map(|(sent, receipt)| Acknowledged::new(sent, &receipt)),
        );
        judge(&of_round, &look_up(&client, &work, &of_round).await?, &work, &mut faults);
        tell(&format!(
            "kill {kill}: {} acknowledged, ready again after {} ms, {} lost, {} doubled so far",
            of_round.len(),
            hub.ready_after.as_millis(),
            faults.lost.len(),
            faults.doubled.len()
        ));
        acknowledged.extend(of_round);
    }

    let client = client_of(&hub)?;
    let mut faults_at_end = Faults::default();
    judge(&acknowledged, &look_up(&client, &work, &acknowledged).await?, &work, &mut faults_at_end);
    let sample: Vec<_> = acknowledged.iter().step_by(20).cloned().collect();
    let again = for_each(&sample, |kept| submit_again(client.clone(), Rc::clone(&work), kept.sent)).await?;
    judge_again(&sample, &again, &mut faults_at_end);
    judge_tries(&acknowledged, &tries_before, &read_tries(&client, &work).await?, &work, &mut faults_at_end);
    hub.stop().await?;
    // What a round found missing may have come back by the end, or the other way round: both are faults.
    faults.lost.extend(faults_at_end.lost);
    faults.doubled.extend(faults_at_end.doubled);
    for lines in [&mut faults.lost, &mut faults.doubled] {
        lines.sort_unstable();
        lines.dedup();
        lines.iter().take(20).for_each(|line| tell(line));
    }

    let at_least = |figure: f64| Some(Target::AtLeast(figure));
    report.add(("kill", "kill", "kills"), f64::from(extent.kills), "", at_least(f64::from(extent.kills)));
    report.add(("kill", "kill", "acks"), acknowledged.len() as f64, "", at_least(extent.acks as f64));
    report.add(("kill", "kill", "lost"), faults.lost.len() as f64, "", Some(Target::AtMost(0.0)));
    report.add(("kill", "kill", "doubled"), faults.doubled.len() as f64, "", Some(Target::AtMost(0.0)));
    report.add(("kill", "kill", "resent"), resent as f64, "", None);
    report.add(("kill", "kill", "ready_ms"), slowest_start.as_secs_f64() * 1000.0, "ms", None);
    Ok(())
}

impl Acknowledged {
    fn new(sent: Sent, receipt: &AttemptReceipt) -> Self {
        Self {
            sent,
            epoch: receipt.epoch,
            hub_seq: receipt.hub_seq,
            receipt: receipt.receipt.clone(),
            grade: receipt.grade.clone(),
        }
    }
}

impl Sent {
    /// The answer as it was sent.
    fn submit(&self, work: &Work) -> SubmitAnswer {
        let template = work.classes[work.pupils[self.pupil].class].pick(self.pick);
        SubmitAnswer { attempt_id: self.attempt_id, ..template.submit.clone() }
    }
}

/// Drives answers until `quota` are acknowledged and `delay` has passed, then kills.
async fn drive_and_kill(
    hub: HubProcess,
    work: &Rc<Work>,
    connections: usize,
    quota: usize,
    delay: Duration,
    seed: u64,
) -> Result<Round> {
    const LIMIT: Duration = Duration::from_secs(120);
    let round = Rc::new(RefCell::new(Round::default()));
    let mut opened = Vec::new();
    for _ in 0..connections {
        opened.push(Connection::open(hub.address).await?);
    }
    let local = tokio::task::LocalSet::new();
    let tasks: Vec<_> = opened
        .into_iter()
        .enumerate()
        .map(|(index, connection)| {
            let random = Random::new(seed ^ ((index as u64) << 32));
            local.spawn_local(send_until_killed(connection, Rc::clone(work), Rc::clone(&round), random))
        })
        .collect();
    local
        .run_until(async {
            let begun = Instant::now();
            while round.borrow().acknowledged.len() < quota {
                ensure!(begun.elapsed() < LIMIT, "fewer than {quota} answers acknowledged in {LIMIT:?}");
                ensure!(
                    !tasks.iter().all(tokio::task::JoinHandle::is_finished),
                    "all connections broke before the kill"
                );
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(delay).await;
            hub.kill().await?;
            for task in tasks {
                task.await??;
            }
            Ok(())
        })
        .await?;
    drop(local);
    Ok(Rc::into_inner(round).context("a task still runs")?.into_inner())
}

/// Ends when the connection breaks. Refusals are errors: the hub has no reason to refuse.
async fn send_until_killed(
    mut connection: Connection,
    work: Rc<Work>,
    round: Rc<RefCell<Round>>,
    mut random: Random,
) -> Result<()> {
    let mut request = Vec::with_capacity(2048);
    loop {
        let pupil = random.next() as usize % work.pupils.len();
        let sent = Sent { attempt_id: AttemptId::new(), pupil, pick: random.next() };
        let template = work.classes[work.pupils[pupil].class].pick(sent.pick);
        template.write_request(&work.pupils[pupil], sent.attempt_id, &mut request);
        let reply = connection.exchange(&request, |reply| (reply.status, reply.body.to_vec())).await;
        match reply {
            Ok((201, body)) => {
                let receipt: AttemptReceipt = serde_json::from_slice(&body).context("a receipt")?;
                ensure!(receipt.attempt_id == sent.attempt_id, "the receipt of another answer");
                round.borrow_mut().acknowledged.push(Acknowledged::new(sent, &receipt));
            }
            Ok((status, body)) => bail!("the hub refused with {status}: {}", String::from_utf8_lossy(&body)),
            Err(_) => {
                round.borrow_mut().unanswered.push(sent);
                return Ok(());
            }
        }
    }
}

async fn submit_again(client: Hub, work: Rc<Work>, sent: Sent) -> Result<AttemptReceipt> {
    let pupil = client.with_token(&*work.pupils[sent.pupil].token);
    pupil.submit_answer(&sent.submit(&work)).await.context("sending an answer again")
}

/// What the hub has of each acknowledged answer; `None` if it knows of none.
async fn look_up(
    client: &Hub,
    work: &Rc<Work>,
    acknowledged: &[Acknowledged],
) -> Result<Vec<Option<AttemptView>>> {
    for_each(acknowledged, |kept| {
        let pupil = client.with_token(&*work.pupils[kept.sent.pupil].token);
        let attempt_id = kept.sent.attempt_id;
        async move {
            match pupil.attempt(attempt_id).await {
                Ok(view) => Ok(Some(view)),
                // Whether an answer is another's or nobody's is not told to a pupil.
                Err(error) if [Some(403), Some(404)].contains(&error.status()) => Ok(None),
                Err(error) => Err(error).context("looking an answer up"),
            }
        }
    })
    .await
}

/// The sum of tries over all lessons, of every pupil and problem version.
async fn read_tries(client: &Hub, work: &Rc<Work>) -> Result<Tries> {
    let standings = for_each(&work.pupils, |pupil| {
        let (client, pupil_id) = (client.with_token(&*pupil.token), pupil.pupil_id);
        async move { Ok((pupil_id, client.my_standing().await.context("a pupil's standing")?)) }
    })
    .await?;
    let mut tries = Tries::new();
    for (pupil_id, standing) in standings {
        for problem in standing.problems {
            *tries.entry((pupil_id, problem.problem_version_id)).or_default() += i64::from(problem.tries);
        }
    }
    Ok(tries)
}

/// Runs a call for each item, sixteen at a time, results in order.
pub async fn for_each<I, T: 'static, F>(items: &[I], call: impl Fn(&I) -> F) -> Result<Vec<T>>
where
    F: Future<Output = Result<T>> + 'static,
{
    const AT_ONCE: usize = 16;
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let mut results = Vec::with_capacity(items.len());
            let mut running = std::collections::VecDeque::new();
            for item in items {
                if running.len() == AT_ONCE
                    && let Some(oldest) = running.pop_front()
                {
                    let oldest: tokio::task::JoinHandle<Result<T>> = oldest;
                    results.push(oldest.await??);
                }
                running.push_back(tokio::task::spawn_local(call(item)));
            }
            for task in running {
                results.push(task.await??);
            }
            Ok(results)
        })
        .await
}

fn client_of(hub: &HubProcess) -> Result<Hub> {
    Ok(Hub::new(&format!("http://{}", hub.address))?)
}

/// Compares what was acknowledged with what is there.
fn judge(acknowledged: &[Acknowledged], found: &[Option<AttemptView>], work: &Work, faults: &mut Faults) {
    let mut places = HashSet::new();
    for (kept, view) in acknowledged.iter().zip(found) {
        let id = kept.sent.attempt_id;
        if !places.insert((kept.epoch, kept.hub_seq)) {
            faults.doubled.push(format!("{id}: its place {} is another answer's too", kept.hub_seq));
        }
        let Some(view) = view else {
            faults.lost.push(format!("{id}: acknowledged, not there"));
            continue;
        };
        let submit = kept.sent.submit(work);
        let pupil_id = work.pupils[kept.sent.pupil].pupil_id;
        let same = (view.attempt_id, view.pupil_id, view.problem_version_id, view.hub_seq)
            == (id, pupil_id, submit.problem_version_id, kept.hub_seq)
            && view.answer.as_ref() == Some(&submit.answer)
            && view.grade == kept.grade;
        if !same {
            faults.lost.push(format!("{id}: another content than acknowledged"));
        }
    }
}

/// The same answer sent again must give its first receipt.
fn judge_again(acknowledged: &[Acknowledged], again: &[AttemptReceipt], faults: &mut Faults) {
    for (kept, receipt) in acknowledged.iter().zip(again) {
        if (receipt.epoch, &receipt.receipt, &receipt.grade) != (kept.epoch, &kept.receipt, &kept.grade) {
            faults.doubled.push(format!("{}: sent again, it was kept again", kept.sent.attempt_id));
        }
    }
}

/// Tries must have grown by the acknowledged answers. Where one could not be understood, which may not count as a
/// try, that problem of that pupil is left out.
fn judge_tries(
    acknowledged: &[Acknowledged],
    before: &Tries,
    after: &Tries,
    work: &Work,
    faults: &mut Faults,
) {
    let mut expected: HashMap<(UserId, ProblemVersionId), Option<i64>> = HashMap::new();
    for kept in acknowledged {
        let pupil = &work.pupils[kept.sent.pupil];
        let template = work.classes[pupil.class].pick(kept.sent.pick);
        let count = expected.entry((pupil.pupil_id, template.submit.problem_version_id)).or_insert(Some(0));
        let understood = !matches!(kept.grade, Some(Grade::NotUnderstood { .. }));
        *count = count.filter(|_| understood).map(|count| count + 1);
    }
    for (key, count) in expected {
        let Some(count) = count else { continue };
        let of = |tries: &Tries| tries.get(&key).copied().unwrap_or_default();
        let grown = of(after) - of(before);
        let (pupil, problem) = key;
        if grown > count {
            faults.doubled.push(format!("pupil {pupil}, problem {problem}: {count} answers, {grown} tries"));
        } else if grown < count {
            faults.lost.push(format!("pupil {pupil}, problem {problem}: {count} answers, {grown} tries"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::school::tests::small_work;
    use dreamseed_wire::attempt::{GradeSource, NextSteps};

    fn kept(hub_seq: i64) -> Acknowledged {
        let sent = Sent { attempt_id: AttemptId::new(), pupil: 0, pick: 1 };
        Acknowledged { sent, epoch: 1, hub_seq, receipt: receipt(hub_seq), grade: Some(Grade::Wrong) }
    }

    fn receipt(hub_seq: i64) -> Receipt {
        let epoch_id = "00000000-0000-7000-8000-000000000001".parse().expect("an id");
        Receipt { epoch_id, hub_seq, mac: "0".repeat(32) }
    }

    fn view(kept: &Acknowledged, work: &Work) -> AttemptView {
        let submit = kept.sent.submit(work);
        AttemptView {
            attempt_id: submit.attempt_id,
            pupil_id: work.pupils[0].pupil_id,
            problem_version_id: submit.problem_version_id,
            problem_title: String::new(),
            lesson_id: submit.lesson_id,
            hub_seq: kept.hub_seq,
            answer: Some(submit.answer),
            grade: kept.grade.clone(),
            graded_by: GradeSource::Code,
            grade_reason: None,
            misconception: None,
            late_by_secs: None,
            received_at: jiff::Timestamp::UNIX_EPOCH,
            feedback: Vec::new(),
        }
    }

    #[test]
    fn all_there() {
        let (work, kept) = (small_work(), [kept(1), kept(2)]);
        let found: Vec<_> = kept.iter().map(|kept| Some(view(kept, &work))).collect();
        let mut faults = Faults::default();
        judge(&kept, &found, &work, &mut faults);
        assert_eq!(faults, Faults::default());
    }

    #[test]
    fn missing_changed_and_doubled_are_found() {
        let (work, kept) = (small_work(), [kept(1), kept(2), kept(2)]);
        let mut changed = view(&kept[1], &work);
        changed.grade = Some(Grade::Right);
        let found = [None, Some(changed), Some(view(&kept[2], &work))];
        let mut faults = Faults::default();
        judge(&kept, &found, &work, &mut faults);
        assert_eq!((faults.lost.len(), faults.doubled.len()), (2, 1), "{faults:?}");
    }

    #[test]
    fn kept_again_is_doubled() {
        let kept = [kept(1), kept(2)];
        let again = |kept: &Acknowledged, hub_seq| AttemptReceipt {
            attempt_id: kept.sent.attempt_id,
            epoch: 1,
            hub_seq,
            receipt: receipt(hub_seq),
            grade: Some(Grade::Wrong),
            tries: 1,
            next: NextSteps { try_again: true, help: true, solution: false },
            feedback_url: None,
        };
        let mut faults = Faults::default();
        judge_again(&kept, &[again(&kept[0], 1), again(&kept[1], 9)], &mut faults);
        assert_eq!(faults.doubled.len(), 1);
    }

    #[test]
    fn tries_must_grow_by_the_answers() {
        let work = small_work();
        let key = (work.pupils[0].pupil_id, kept(1).sent.submit(&work).problem_version_id);
        let with = |tries: i64| Tries::from([(key, tries)]);
        let judged = |after: i64| {
            let mut faults = Faults::default();
            judge_tries(&[kept(1), kept(2)], &with(5), &with(after), &work, &mut faults);
            (faults.lost.len(), faults.doubled.len())
        };
        assert_eq!((judged(7), judged(8), judged(6)), ((0, 0), (0, 1), (1, 0)));
        let mut unread = kept(3);
        unread.grade = Some(Grade::NotUnderstood { why: dreamseed_wire::answer::Unreadable::Empty });
        let mut faults = Faults::default();
        judge_tries(&[kept(1), unread], &with(5), &with(6), &work, &mut faults);
        assert_eq!(faults, Faults::default());
    }
}
