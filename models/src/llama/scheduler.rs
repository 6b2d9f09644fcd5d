//! Which tokens go into the next batch, and what comes out of it.
//!
//! Every step computes one token for each running reply and then prompt tokens up to a budget. A new request joins the
//! batch as soon as a sequence is free. Its shared segments are looked up among the *anchors*: sequences that hold the
//! prefix of a prompt up to the end of a segment. A missing anchor is computed once, by the first request that wants
//! it, while the others wait for it; then its cells are shared by copying their names, which costs no memory. When the
//! cache is full, idle anchors go first, then the youngest request is parked and computed again later.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use llama_cpp_2::DecodeError;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::vocab::LlamaVocab;
use tokio::sync::{mpsc, watch};

use super::prompt::{ChatTemplate, Prompt};
use super::sampling::TokenChoice;
use super::utf8::Utf8Pieces;
use super::{Incoming, Place, Pulse};
use crate::child::LlamaArgs;
use crate::engine::{EngineStatus, GenEvent, GenFailure, Lane, Usage};

/// The context and everything in it.
pub(super) struct Scheduler<'m> {
    model: &'m LlamaModel,
    vocab: LlamaVocab<'m>,
    context: LlamaContext<'m>,
    template: ChatTemplate,
    batch: LlamaBatch<'static>,
    settings: Settings,
    /// Sorted by lane, then by arrival.
    waiting: Vec<Job>,
    running: Vec<Running>,
    anchors: Vec<Anchor>,
    free_sequences: Vec<i32>,
    free_anchors: Vec<i32>,
    /// Finished requests whose readers are slow.
    farewells: Vec<Outbox>,
    /// Nobody joins until somebody is done: the cache was full.
    is_full: bool,
    arrivals: u64,
    rates: Rates,
}

struct Settings {
    slots: u32,
    prefill_budget: usize,
    /// Longest sequence: prompt and reply together.
    longest: usize,
    temperature: f32,
    top_k: u32,
    seed: u64,
}

/// A request, wherever it is.
struct Job {
    lane: Lane,
    arrival: u64,
    arrived: Instant,
    deadline: Instant,
    max_tokens: u32,
    /// The prompt, then the reply as far as it is written.
    tokens: Vec<LlamaToken>,
    prompt_tokens: usize,
    cuts: Vec<usize>,
    /// Names of the shared segments, for the log.
    keys: Vec<String>,
    choice: TokenChoice,
    pieces: Utf8Pieces,
    outbox: Outbox,
    usage: Usage,
    place: Option<Place>,
    /// What the reader was told last about the queue.
    told_ahead: Option<u32>,
}

/// A request that has a sequence.
struct Running {
    job: Job,
    sequence: i32,
    since: Instant,
    /// How many of the job's tokens are in the cache; `None` until its prefix is there.
    computed: Option<usize>,
}

/// A sequence that holds the beginning of prompts.
struct Anchor {
    sequence: i32,
    tokens: Vec<LlamaToken>,
    computed: usize,
    used: Instant,
    /// The arrival number of the request that pays for it.
    payer: u64,
}

impl Anchor {
    fn is_ready(&self) -> bool {
        self.computed == self.tokens.len()
    }
}

/// Who the tokens at some place of the batch belong to.
struct Share {
    owner: Owner,
    tokens: usize,
    /// Place in the batch of the logits to sample from.
    logits: Option<i32>,
}

#[derive(Clone, Copy)]
enum Owner {
    Running(usize),
    Anchor(usize),
}

impl<'m> Scheduler<'m> {
    pub(super) fn new(
        args: &LlamaArgs,
        model: &'m LlamaModel,
        context: LlamaContext<'m>,
        template: ChatTemplate,
    ) -> Self {
        let slots = i32::try_from(args.slots).unwrap_or(1);
        let anchors = i32::try_from(args.anchors).unwrap_or(0);
        let trained = match model.n_ctx_train() {
            0 => context.n_ctx(),
            trained => trained,
        };
        let settings = Settings {
            slots: args.slots,
            prefill_budget: args.prefill_budget as usize,
            longest: context.n_ctx().min(trained) as usize,
            temperature: args.temperature,
            top_k: args.top_k,
            seed: args.seed,
        };
        Self {
            model,
            vocab: model.vocab(),
            context,
            template,
            batch: LlamaBatch::new((args.slots + args.prefill_budget) as usize, 1),
            settings,
            waiting: Vec::new(),
            running: Vec::new(),
            anchors: Vec::new(),
            free_sequences: (0..slots).rev().collect(),
            free_anchors: (slots..slots + anchors).rev().collect(),
            farewells: Vec::new(),
            is_full: false,
            arrivals: 0,
            rates: Rates::default(),
        }
    }

    pub(super) fn context_tokens(&self) -> u32 {
        self.context.n_ctx()
    }

    /// Takes requests and computes steps until all senders are gone.
    pub(super) fn run(
        &mut self,
        requests: &Receiver<Incoming>,
        pulse: &Pulse,
        status: &watch::Sender<EngineStatus>,
    ) {
        while self.take_requests(requests) {
            pulse.begin_step();
            self.drop_cancelled_and_late();
            self.admit();
            self.place_prefixes();
            self.compute();
            self.tell_places();
            self.farewells.retain_mut(|outbox| !outbox.flush());
            self.show(status);
            pulse.end_step();
        }
    }

    /// Takes what has arrived; waits if there is nothing else to do. `false` at the end.
    fn take_requests(&mut self, requests: &Receiver<Incoming>) -> bool {
        if self.running.is_empty() && self.waiting.is_empty() {
            let next = if self.farewells.is_empty() {
                requests.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                requests.recv_timeout(Duration::from_millis(20))
            };
            match next {
                Ok(incoming) => self.queue(incoming),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
        loop {
            match requests.try_recv() {
                Ok(incoming) => self.queue(incoming),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    /// Makes a job of a request and puts it in line, or says why not.
    fn queue(&mut self, incoming: Incoming) {
        let Incoming { request, events, arrived, place } = incoming;
        let mut outbox = Outbox::new(events);
        self.arrivals += 1;
        let seed = self.settings.seed ^ self.arrivals.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let choice = TokenChoice::new(self.settings.temperature, self.settings.top_k, seed);
        let choice = match &request.schema {
            Some(schema) => choice.with_schema(self.model, schema).ok_or(GenFailure::BadSchema),
            None => Ok(choice),
        };
        let prompt = self.template.tokenize(&request, &self.vocab).map_err(|err| {
            tracing::warn!("a prompt cannot be made: {err}");
            GenFailure::Compute
        });
        let fits = |prompt: Prompt| {
            // Room for at least one token of reply.
            let fits = prompt.tokens.len() < self.settings.longest;
            if fits { Ok(prompt) } else { Err(GenFailure::PromptTooLong) }
        };
        let (choice, prompt) = match choice.and_then(|choice| Ok((choice, prompt.and_then(fits)?))) {
            Ok(both) => both,
            Err(why) => {
                outbox.push(GenEvent::Failed { why });
                self.farewells.push(outbox);
                return;
            }
        };
        let job = Job {
            lane: request.lane,
            arrival: self.arrivals,
            arrived,
            deadline: arrived + request.deadline,
            max_tokens: request.max_tokens.max(1),
            prompt_tokens: prompt.tokens.len(),
            usage: Usage { prompt_tokens: small(prompt.tokens.len()), ..Usage::default() },
            tokens: prompt.tokens,
            cuts: prompt.cuts,
            keys: request.shared.into_iter().map(|segment| segment.key).collect(),
            choice,
            pieces: Utf8Pieces::default(),
            outbox,
            place: Some(place),
            told_ahead: None,
        };
        self.put_in_line(job);
    }

    fn put_in_line(&mut self, job: Job) {
        let at = self.waiting.partition_point(|other| (other.lane, other.arrival) < (job.lane, job.arrival));
        self.waiting.insert(at, job);
    }

    fn drop_cancelled_and_late(&mut self) {
        let now = Instant::now();
        let (stay, go): (Vec<Job>, Vec<Job>) =
            self.waiting.drain(..).partition(|job| !job.outbox.is_closed() && job.deadline > now);
        self.waiting = stay;
        for job in go {
            self.say_farewell(job, GenEvent::Failed { why: GenFailure::Deadline });
        }
        for index in (0..self.running.len()).rev() {
            let job = &self.running[index].job;
            if job.outbox.is_closed() || job.deadline <= now {
                self.end(index, GenEvent::Failed { why: GenFailure::Deadline });
            }
        }
        // Nobody waits for it any more: what is computed of it is no whole prefix.
        for index in (0..self.anchors.len()).rev() {
            let anchor = &self.anchors[index];
            if !anchor.is_ready() && !self.is_wanted(anchor) {
                self.free_anchor(index);
            }
        }
    }

    /// Whether a running request waits for this anchor.
    fn is_wanted(&self, anchor: &Anchor) -> bool {
        let mut waiting = self.running.iter().filter(|running| running.computed.is_none());
        waiting.any(|running| running.job.tokens.starts_with(&anchor.tokens))
    }

    /// Gives free sequences to those first in line.
    fn admit(&mut self) {
        while !self.waiting.is_empty() && (!self.is_full || self.running.is_empty()) {
            let Some(sequence) = self.free_sequences.pop() else { return };
            self.is_full = false;
            let mut job = self.waiting.remove(0);
            // A parked request has said so already.
            if job.place.take().is_some() {
                job.outbox.push(GenEvent::Started);
            }
            self.running.push(Running { job, sequence, since: Instant::now(), computed: None });
        }
    }

    /// Gives each new sequence the longest prefix there is, and makes the anchors that are missing.
    fn place_prefixes(&mut self) {
        for index in 0..self.running.len() {
            if self.running[index].computed.is_none() {
                self.place_prefix(index);
            }
        }
    }

    fn place_prefix(&mut self, index: usize) {
        let job = &self.running[index].job;
        let find = |length: usize| {
            let prefix = &job.tokens[..length];
            self.anchors.iter().position(|anchor| anchor.tokens == prefix)
        };
        // From the longest to the shortest: the first that is ready is the best.
        let mut missing = None;
        let mut best = None;
        for &length in job.cuts.iter().rev() {
            match find(length) {
                Some(anchor) if self.anchors[anchor].is_ready() => {
                    best = Some(anchor);
                    break;
                }
                Some(_) => return, // Being computed: wait for it.
                None => missing = Some(length),
            }
        }
        if let Some(best) = best {
            self.anchors[best].used = Instant::now();
        }
        let Some(length) = missing else {
            return self.give_prefix(index, best);
        };
        let Some(sequence) = self.take_anchor_sequence(best) else {
            return self.give_prefix(index, best); // All anchors are in use: this request computes for itself.
        };
        // Positions have moved if an anchor was evicted.
        let job = &self.running[index].job;
        let ancestor = self.longest_ready_anchor(&job.tokens[..length]);
        let ancestor = ancestor.map(|at| (self.anchors[at].sequence, self.anchors[at].tokens.len()));
        tracing::debug!(segments = ?job.keys, tokens = length, "computing a shared prefix");
        let anchor = Anchor {
            sequence,
            tokens: job.tokens[..length].to_vec(),
            computed: ancestor.map_or(0, |(_, length)| length),
            used: Instant::now(),
            payer: job.arrival,
        };
        if let Some((from, _)) = ancestor {
            self.share_cells(from, sequence);
        }
        self.anchors.push(anchor);
    }

    fn longest_ready_anchor(&self, tokens: &[LlamaToken]) -> Option<usize> {
        let ready = self.anchors.iter().enumerate().filter(|(_, anchor)| anchor.is_ready());
        let fitting = ready.filter(|(_, anchor)| tokens.starts_with(&anchor.tokens));
        fitting.max_by_key(|(_, anchor)| anchor.tokens.len()).map(|(index, _)| index)
    }

    fn give_prefix(&mut self, index: usize, anchor: Option<usize>) {
        let length = match anchor {
            Some(anchor) => {
                let (from, length) = (self.anchors[anchor].sequence, self.anchors[anchor].tokens.len());
                self.share_cells(from, self.running[index].sequence);
                length
            }
            None => 0,
        };
        self.running[index].computed = Some(length);
    }

    /// A free anchor sequence, if need be that of the one not used for longest; `keep` is not touched.
    fn take_anchor_sequence(&mut self, keep: Option<usize>) -> Option<i32> {
        if self.free_anchors.is_empty() {
            self.evict_anchor(keep);
        }
        self.free_anchors.pop()
    }

    fn evict_anchor(&mut self, keep: Option<usize>) -> bool {
        let idle = self
            .anchors
            .iter()
            .enumerate()
            .filter(|(index, anchor)| anchor.is_ready() && Some(*index) != keep);
        let Some(oldest) = idle.min_by_key(|(_, anchor)| anchor.used).map(|(index, _)| index) else {
            return false;
        };
        self.free_anchor(oldest);
        true
    }

    fn free_anchor(&mut self, index: usize) {
        let anchor = self.anchors.swap_remove(index);
        self.clear_sequence(anchor.sequence);
        self.free_anchors.push(anchor.sequence);
    }

    /// Fills a batch, computes it and samples.
    fn compute(&mut self) {
        let shares = self.fill_batch();
        if shares.is_empty() {
            return;
        }
        let prefilled: usize = shares.iter().filter(|share| share.tokens > 1).map(|share| share.tokens).sum();
        let began = Instant::now();
        match self.context.decode(&mut self.batch) {
            Ok(()) => {}
            Err(DecodeError::NoKvCacheSlot) => return self.make_room(),
            Err(err @ (DecodeError::NTokensZero | DecodeError::Unknown(_))) => {
                tracing::error!("the batch cannot be computed: {err}");
                return self.give_up();
            }
        }
        self.advance(&shares);
        // Reading the logits waits for the graphics card, so the time is taken after it.
        let ended = self.sample(&shares);
        self.rates.note_step(prefilled, began.elapsed());
        for (index, last) in ended.into_iter().rev() {
            self.end(index, last);
        }
    }

    /// One token per running reply, then prompt tokens up to the budget: anchors first, many wait for them.
    fn fill_batch(&mut self) -> Vec<Share> {
        self.batch.clear();
        let mut shares = Vec::new();
        for index in 0..self.running.len() {
            let Running { job, sequence, computed, .. } = &self.running[index];
            if let Some(computed) = *computed
                && computed + 1 == job.tokens.len()
            {
                let (tokens, sequence) = (&job.tokens[computed..], *sequence);
                let logits = add_tokens(&mut self.batch, tokens, computed, sequence, true);
                shares.push(Share { owner: Owner::Running(index), tokens: 1, logits });
            }
        }
        let mut budget = self.rates.prefill_budget(!shares.is_empty(), self.settings.prefill_budget);
        for index in 0..self.anchors.len() {
            let anchor = &self.anchors[index];
            let take = budget.min(anchor.tokens.len() - anchor.computed);
            if take > 0 {
                let tokens = &anchor.tokens[anchor.computed..anchor.computed + take];
                add_tokens(&mut self.batch, tokens, anchor.computed, anchor.sequence, false);
                shares.push(Share { owner: Owner::Anchor(index), tokens: take, logits: None });
                budget -= take;
            }
        }
        // Shortest first: the most pupils see their first word soonest. Ties by arrival.
        let left = |running: &Running| running.job.tokens.len() - running.computed.unwrap_or(0);
        let mut prefilling: Vec<usize> = (0..self.running.len())
            .filter(|index| self.running[*index].computed.is_some() && left(&self.running[*index]) > 1)
            .collect();
        prefilling.sort_by_key(|index| {
            let running = &self.running[*index];
            (running.job.lane, left(running), running.job.arrival)
        });
        for index in prefilling {
            let Running { job, sequence, computed, .. } = &self.running[index];
            let computed = computed.unwrap_or(0);
            let take = budget.min(job.tokens.len() - computed);
            if take == 0 {
                break;
            }
            let is_end = computed + take == job.tokens.len();
            let tokens = &job.tokens[computed..computed + take];
            let logits = add_tokens(&mut self.batch, tokens, computed, *sequence, is_end);
            shares.push(Share { owner: Owner::Running(index), tokens: take, logits });
            budget -= take;
        }
        shares
    }

    /// Notes what is in the cache now, and who paid for it.
    fn advance(&mut self, shares: &[Share]) {
        for share in shares {
            match share.owner {
                Owner::Running(index) => {
                    let running = &mut self.running[index];
                    let before = running.computed.unwrap_or(0);
                    running.computed = Some(before + share.tokens);
                    let of_prompt = running.job.prompt_tokens.saturating_sub(before).min(share.tokens);
                    running.job.usage.computed_tokens += small(of_prompt);
                }
                Owner::Anchor(index) => {
                    let anchor = &mut self.anchors[index];
                    anchor.computed += share.tokens;
                    let payer = anchor.payer;
                    if let Some(payer) = self.running.iter_mut().find(|running| running.job.arrival == payer)
                    {
                        payer.job.usage.computed_tokens += small(share.tokens);
                    }
                }
            }
        }
    }

    /// Chooses the next token of every reply; returns those that are done, with their last event.
    fn sample(&mut self, shares: &[Share]) -> VecDeque<(usize, GenEvent)> {
        let mut ended = Vec::new();
        for share in shares {
            let (Owner::Running(index), Some(logits)) = (share.owner, share.logits) else { continue };
            let token = self.running[index].job.choice.choose(self.context.get_logits_ith(logits));
            let job = &mut self.running[index].job;
            let Some(token) = token else {
                ended.push((index, GenEvent::Failed { why: GenFailure::Compute }));
                continue;
            };
            if job.usage.reply_tokens == 0 {
                job.usage.first_token_ms = millis(job.arrived.elapsed());
            }
            let is_end = self.vocab.is_eog(token);
            if !is_end {
                job.usage.reply_tokens += 1;
                let text = job.pieces.push(&self.vocab.token_to_piece(token, false, None));
                job.outbox.push_text(text);
                job.tokens.push(token);
                job.usage.cut =
                    job.usage.reply_tokens >= job.max_tokens || job.tokens.len() >= self.settings.longest;
            }
            if is_end || job.usage.cut {
                let rest = job.pieces.finish();
                job.outbox.push_text(rest);
                job.usage.total_ms = millis(job.arrived.elapsed());
                ended.push((index, GenEvent::Done { usage: job.usage }));
            }
        }
        // Ends are taken from the back, so that the other indices stay right.
        ended.sort_by_key(|(index, _)| *index);
        ended.into()
    }

    /// The cache is full: an idle anchor goes, else the youngest request waits, else the only one is too long.
    fn make_room(&mut self) {
        if self.evict_anchor(None) {
            return;
        }
        let placed = self.running.iter().enumerate().filter(|(_, running)| running.computed.is_some());
        let youngest = placed.max_by_key(|(_, running)| (running.job.lane, running.job.arrival));
        match youngest.map(|(index, _)| index) {
            Some(index) if self.running.len() > 1 => {
                let Running { job, sequence, .. } = self.running.swap_remove(index);
                tracing::debug!("the cache is full: a request is computed again later");
                self.clear_sequence(sequence);
                self.free_sequences.push(sequence);
                self.put_in_line(job);
                self.is_full = true;
            }
            Some(_) | None => {
                while let Some(index) = self.anchors.len().checked_sub(1) {
                    self.free_anchor(index);
                }
                while let Some(index) = self.running.len().checked_sub(1) {
                    self.end(index, GenEvent::Failed { why: GenFailure::PromptTooLong });
                }
            }
        }
    }

    /// Nothing in the cache can be trusted any more.
    fn give_up(&mut self) {
        while let Some(index) = self.running.len().checked_sub(1) {
            self.end(index, GenEvent::Failed { why: GenFailure::Compute });
        }
        while let Some(index) = self.anchors.len().checked_sub(1) {
            self.free_anchor(index);
        }
        self.context.clear_kv_cache();
    }

    /// Frees the sequence of a running request and says its last word.
    fn end(&mut self, index: usize, last: GenEvent) {
        let Running { job, sequence, since, .. } = self.running.swap_remove(index);
        self.clear_sequence(sequence);
        self.free_sequences.push(sequence);
        self.is_full = false;
        self.rates.note_request(since.elapsed());
        self.say_farewell(job, last);
    }

    fn say_farewell(&mut self, mut job: Job, last: GenEvent) {
        job.outbox.push(last);
        if !job.outbox.flush() {
            self.farewells.push(job.outbox);
        }
    }

    /// Tells those in line how many are before them, whenever that changes.
    fn tell_places(&mut self) {
        for (ahead, job) in self.waiting.iter_mut().enumerate() {
            let ahead = small(ahead);
            if job.told_ahead != Some(ahead) && job.place.is_some() {
                job.told_ahead = Some(ahead);
                let expected_wait_ms = self.rates.expected_wait_ms(ahead, self.settings.slots);
                job.outbox.push(GenEvent::Queued { ahead, expected_wait_ms });
            }
        }
        let outboxes = self.waiting.iter_mut().map(|job| &mut job.outbox);
        for outbox in outboxes.chain(self.running.iter_mut().map(|running| &mut running.job.outbox)) {
            outbox.flush();
        }
    }

    fn show(&self, status: &watch::Sender<EngineStatus>) {
        let (running, waiting) = (small(self.running.len()), small(self.waiting.len()));
        status.send_if_modified(|status| {
            let changed = (status.running, status.waiting) != (running, waiting);
            (status.running, status.waiting) = (running, waiting);
            changed
        });
    }

    fn share_cells(&mut self, from: i32, to: i32) {
        // Whole sequences only: recurrent models cannot share a part.
        if let Err(err) = self.context.copy_kv_cache_seq(from, to, None, None) {
            tracing::error!("cells cannot be shared: {err}");
        }
    }

    fn clear_sequence(&mut self, sequence: i32) {
        let cleared = u32::try_from(sequence)
            .map(|sequence| self.context.clear_kv_cache_seq(Some(sequence), None, None));
        if !matches!(cleared, Ok(Ok(true))) {
            tracing::error!("a sequence cannot be cleared");
        }
    }
}

/// Adds tokens from position `start` on; with `wants_logits` returns the place of the last one.
fn add_tokens(
    batch: &mut LlamaBatch<'_>,
    tokens: &[LlamaToken],
    start: usize,
    sequence: i32,
    wants_logits: bool,
) -> Option<i32> {
    for (offset, token) in tokens.iter().enumerate() {
        let is_last = offset + 1 == tokens.len();
        let position = i32::try_from(start + offset).unwrap_or(i32::MAX);
        // The batch holds slots + budget tokens, which is what is ever put in.
        let added = batch.add(*token, position, &[sequence], wants_logits && is_last);
        debug_assert!(added.is_ok(), "the batch is too small");
    }
    wants_logits.then(|| batch.n_tokens() - 1)
}

/// Events for a reader; what does not fit into its channel is kept, neighbouring texts become one.
struct Outbox {
    events: mpsc::Sender<GenEvent>,
    kept: VecDeque<GenEvent>,
}

impl Outbox {
    fn new(events: mpsc::Sender<GenEvent>) -> Self {
        Self { events, kept: VecDeque::new() }
    }

    fn is_closed(&self) -> bool {
        self.events.is_closed()
    }

    fn push_text(&mut self, text: String) {
        if !text.is_empty() {
            self.push(GenEvent::Text { text });
        }
    }

    fn push(&mut self, event: GenEvent) {
        match (self.kept.back_mut(), event) {
            (Some(GenEvent::Text { text }), GenEvent::Text { text: more }) => text.push_str(&more),
            (Some(last @ GenEvent::Queued { .. }), event @ GenEvent::Queued { .. }) => *last = event,
            (_, event) => self.kept.push_back(event),
        }
        self.flush();
    }

    /// Whether everything is out, or nobody reads any more.
    fn flush(&mut self) -> bool {
        while let Some(event) = self.kept.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => {
                    self.kept.push_front(event);
                    return false;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => self.kept.clear(),
            }
        }
        true
    }
}

/// Measured speeds, as moving averages.
struct Rates {
    /// Prompt tokens per second.
    prefill: f64,
    /// From getting a sequence to the last token, in milliseconds.
    request_ms: f64,
}

impl Default for Rates {
    /// Guesses for a small model on a CPU, until something was measured.
    fn default() -> Self {
        Self { prefill: 250.0, request_ms: 3000.0 }
    }
}

impl Rates {
    /// Longest pause that a prompt may put between two tokens of the running replies.
    const PAUSE_SECONDS: f64 = 0.25;

    /// Prompt tokens for the next step: many when nobody is kept waiting by it.
    fn prefill_budget(&self, others_write: bool, most: usize) -> usize {
        if !others_write {
            return most;
        }
        ((self.prefill * Self::PAUSE_SECONDS) as usize).clamp(most.min(32), most)
    }

    fn note_step(&mut self, prefilled: usize, took: Duration) {
        // Short steps measure overhead.
        if prefilled >= 16 && took > Duration::ZERO {
            self.prefill += 0.3 * (prefilled as f64 / took.as_secs_f64() - self.prefill);
        }
    }

    fn note_request(&mut self, took: Duration) {
        self.request_ms += 0.2 * (took.as_secs_f64() * 1000.0 - self.request_ms);
    }

    fn expected_wait_ms(&self, ahead: u32, slots: u32) -> u32 {
        (self.request_ms * f64::from(ahead + 1) / f64::from(slots.max(1))) as u32
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
