//! Who watches what, and what they are sent: each event is serialised once, for those only who watch, and handed to them
//! as shared bytes.
//!
//! A class that is watched has the grids of its open lessons in memory, so that a pupil's standing is computed anew with each answer without a
//! query, on the thread that has just committed the answer. A reader that is too far behind is cut off; it comes back
//! with the id of its last event.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use dreamseed_wire::{
    ids::*,
    lesson::{PupilEvent, Sitting},
    live::{LiveEvent, OpenLessonNow, PupilStanding},
};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::mpsc;

use super::{
    event_id::EventId,
    open_lessons::{self, Seen},
    standing::{self, Cell, Facts},
};
use crate::{
    feedback::hints,
    school::{Lesson, School},
    store::{Committed, sittings::StoredSitting, standings::Standing},
};

/// Frames that wait for a slow browser before it is cut off.
const BEHIND: usize = 256;

/// Streams of one kind that one sign-in may hold open: a few tabs. The oldest ends when another is opened.
const STREAMS: usize = 4;

/// One event as it goes over the line, with its place in the record if it has one.
#[derive(Debug, Clone)]
pub struct Frame {
    pub id: Option<EventId>,
    pub bytes: Bytes,
}

impl Frame {
    /// An event in the format of server-sent events.
    pub fn of(id: Option<EventId>, event: &impl Serialize) -> Self {
        let mut text = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        text.push_str("data: ");
        // JSON of serde has no line breaks, so that it is one line of data.
        text.push_str(&serde_json::to_string(event).unwrap_or_default());
        text.push_str("\n\n");
        Frame { id, bytes: Bytes::from(text) }
    }
}

/// When each signed-in user was last heard of.
pub type Heard = HashMap<UserId, Timestamp>;

/// Everyone who watches. Clones share it.
#[derive(Clone, Default)]
pub struct LiveDesk {
    watched: Arc<Watched>,
}

#[derive(Default)]
struct Watched {
    classes: Mutex<HashMap<ClassId, WatchedClass>>,
    pupils: Mutex<HashMap<UserId, Vec<Reader>>>,
    /// Streams that were ever opened, for their order.
    opened: AtomicU64,
}

/// One open stream.
struct Reader {
    session: SessionId,
    /// It was opened as the n-th of all.
    number: u64,
    /// The lesson that its screen has chosen.
    lesson: Option<LessonId>,
    frames: mpsc::Sender<Frame>,
}

#[derive(Default)]
struct WatchedClass {
    readers: Vec<Reader>,
    /// Of the open lessons, of the one that is shown unless another is chosen, and of those that are chosen.
    grids: BTreeMap<LessonId, Grid>,
    /// Who was there, to notice who comes and goes while no lesson is shown.
    present: HashSet<UserId>,
    /// What the watchers were told last of several open lessons; empty while there are not several.
    told: Vec<OpenLessonNow>,
}

/// A lesson of a watched class.
pub(super) struct Grid {
    school: Arc<School>,
    lesson_id: LessonId,
    rows: HashMap<UserId, Row>,
    /// Until the log has been read, rows hold only what was committed meanwhile.
    is_read: bool,
}

/// One pupil of the grid.
#[derive(Default)]
pub(super) struct Row {
    pub cells: HashMap<ProblemVersionId, Standing>,
    pub sitting: Option<Sitting>,
    pub present: bool,
    pub heard_at: Option<Timestamp>,
    /// What the watchers were told last.
    told: Option<PupilStanding>,
}

impl LiveDesk {
    /// The frames of a class from now on; ends if the reader falls too far behind or its sign-in opens too many.
    pub fn watch_class(&self, class: ClassId, session: SessionId) -> mpsc::Receiver<Frame> {
        self.watch_lesson(class, None, session)
    }

    /// Likewise while one of its lessons is looked at, which may be over.
    pub fn watch_lesson(
        &self,
        class: ClassId,
        lesson: Option<LessonId>,
        session: SessionId,
    ) -> mpsc::Receiver<Frame> {
        let (reader, receiver) = self.open(session, lesson);
        let mut classes = self.watched.classes.lock();
        end_oldest(classes.values_mut().map(|class| &mut class.readers), session);
        classes.entry(class).or_default().readers.push(reader);
        receiver
    }

    /// The frames of a pupil's own screen from now on; they end likewise.
    pub fn watch_pupil(&self, pupil: UserId, session: SessionId) -> mpsc::Receiver<Frame> {
        let (reader, receiver) = self.open(session, None);
        let mut pupils = self.watched.pupils.lock();
        let readers = pupils.entry(pupil).or_default();
        end_oldest(std::iter::once(&mut *readers), session);
        readers.push(reader);
        receiver
    }

    fn open(&self, session: SessionId, lesson: Option<LessonId>) -> (Reader, mpsc::Receiver<Frame>) {
        let (frames, receiver) = mpsc::channel(BEHIND);
        let number = self.watched.opened.fetch_add(1, Ordering::Relaxed);
        (Reader { session, number, lesson, frames }, receiver)
    }

    /// Streams that are open: of classes and of pupils.
    pub fn readers(&self) -> (usize, usize) {
        let classes = self.watched.classes.lock().values().map(|class| class.readers.len()).sum();
        (classes, self.watched.pupils.lock().values().map(Vec::len).sum())
    }

    /// Passes on what a group of writes did; never blocks. Called on the thread of the writer.
    pub fn publish(&self, committed: Vec<Committed>) {
        for event in committed {
            match event {
                Committed::Standing { class_id, epoch, standing, at } => {
                    self.take_standing((class_id, epoch), *standing, at);
                }
                Committed::Sitting { class_id, lesson_id, sitting } => {
                    self.take_sitting(class_id, lesson_id, &sitting);
                }
                Committed::Pupil { pupil_id, event } => self.tell_pupils(&[pupil_id], &event),
                Committed::Ledger => {}
            }
        }
    }

    /// Sends an event to who watches a class.
    pub fn tell_class(&self, class: ClassId, event: &LiveEvent) {
        if let Some(class) = self.watched.classes.lock().get_mut(&class) {
            class.send(None, event);
        }
    }

    /// Sends an event to the screens of pupils.
    pub fn tell_pupils(&self, pupils: &[UserId], event: &PupilEvent) {
        let mut watched = self.watched.pupils.lock();
        let mut frame = None;
        for pupil in pupils {
            let Some(readers) = watched.get_mut(pupil) else { continue };
            let frame: &Frame = frame.get_or_insert_with(|| Frame::of(None, event));
            send_to(readers, frame);
            if readers.is_empty() {
                watched.remove(pupil);
            }
        }
    }

    /// The beat of every second, to everyone; forgets who has gone.
    pub(super) fn beat(&self, server_time: Timestamp) {
        // Both kinds of streams write it alike.
        let frame = Frame::of(None, &LiveEvent::Beat { server_time });
        self.watched.classes.lock().retain(|_, class| {
            send_to(&mut class.readers, &frame);
            !class.readers.is_empty()
        });
        self.watched.pupils.lock().retain(|_, readers| {
            send_to(readers, &frame);
            !readers.is_empty()
        });
    }

    /// The classes that somebody watches.
    pub(super) fn watched_classes(&self) -> Vec<ClassId> {
        self.watched.classes.lock().keys().copied().collect()
    }

    /// Whether somebody watches a class.
    pub(super) fn is_watched(&self, class: ClassId) -> bool {
        self.watched.classes.lock().contains_key(&class)
    }

    /// Pupils whose page is open: they are heard of now.
    pub(super) fn pupils_with_page(&self) -> Vec<UserId> {
        self.watched.pupils.lock().keys().copied().collect()
    }

    /// The lessons that the screens of a watched class have chosen.
    pub(super) fn chosen_lessons(&self, class: ClassId) -> Vec<LessonId> {
        let classes = self.watched.classes.lock();
        let readers = classes.get(&class).map(|class| class.readers.as_slice()).unwrap_or_default();
        readers.iter().filter_map(|reader| reader.lesson).collect()
    }

    /// Puts the school as it is now under a watched class's grids, one for each of these lessons. Those that must be read
    /// because they are new are returned; what is committed from now on goes into them.
    pub(super) fn begin_grids(
        &self,
        school: &Arc<School>,
        class: ClassId,
        lessons: &[LessonId],
    ) -> Vec<LessonId> {
        let mut classes = self.watched.classes.lock();
        let Some(class) = classes.get_mut(&class) else { return Vec::new() };
        class.grids.retain(|lesson_id, _| lessons.contains(lesson_id));
        for lesson_id in lessons {
            let grid = class.grids.entry(*lesson_id).or_insert_with(|| Grid {
                school: Arc::clone(school),
                lesson_id: *lesson_id,
                rows: HashMap::new(),
                is_read: false,
            });
            grid.school = Arc::clone(school);
        }
        class.grids.values().filter(|grid| !grid.is_read).map(|grid| grid.lesson_id).collect()
    }

    /// Fills a grid with what was read from the log; what was committed since the reading began stays.
    pub(super) fn fill_grid(
        &self,
        class: ClassId,
        lesson: LessonId,
        read: HashMap<UserId, Row>,
        now: Timestamp,
    ) {
        let mut classes = self.watched.classes.lock();
        let grid = classes.get_mut(&class).and_then(|class| class.grids.get_mut(&lesson));
        let Some(grid) = grid else { return };
        for (pupil, row) in read {
            let known = grid.rows.entry(pupil).or_default();
            for (version, standing) in row.cells {
                known.take(version, standing);
            }
            known.sitting = known.sitting.take().or(row.sitting);
            (known.present, known.heard_at) = (row.present, row.heard_at);
        }
        grid.is_read = true;
        for pupil in grid.pupils() {
            grid.assess(pupil, now);
        }
    }

    /// How each pupil of a watched class fares, and who needs the teacher in which of several open lessons, as its watchers
    /// were told last.
    pub(super) fn told(&self, class: ClassId) -> Vec<LiveEvent> {
        let classes = self.watched.classes.lock();
        let Some(class) = classes.get(&class) else { return Vec::new() };
        let rows = class.grids.values().flat_map(|grid| grid.rows.iter().map(|row| (grid.lesson_id, row)));
        let mut told: Vec<_> = rows
            .filter_map(|(lesson_id, (pupil, row))| {
                Some(LiveEvent::Pupil { pupil_id: *pupil, lesson_id, standing: row.told.clone()? })
            })
            .collect();
        if !class.told.is_empty() {
            told.push(LiveEvent::OpenLessons { open_lessons: class.told.clone() });
        }
        told
    }

    /// Looks at one pupil of a class again, who came or went.
    pub(super) fn look_at(
        &self,
        class_id: ClassId,
        pupil: UserId,
        heard_at: Option<Timestamp>,
        now: Timestamp,
    ) {
        let mut classes = self.watched.classes.lock();
        let Some(class) = classes.get_mut(&class_id) else { return };
        let comes_or_goes = match heard_at {
            Some(_) => class.present.insert(pupil),
            None => class.present.remove(&pupil),
        };
        if class.grids.is_empty() {
            if comes_or_goes {
                class.send(None, &LiveEvent::Refetch);
            }
            return;
        }
        for grid in class.grids.values_mut().filter(|grid| grid.pupils().contains(&pupil)) {
            let row = grid.rows.entry(pupil).or_default();
            (row.present, row.heard_at) = (heard_at.is_some(), heard_at.or(row.heard_at));
        }
        class.tell_change(pupil, now);
    }

    /// Looks at everyone of the watched classes again: time has passed, somebody came or went.
    pub(super) fn look_again(&self, school: &School, heard: &Heard, now: Timestamp) {
        for (class_id, class) in self.watched.classes.lock().iter_mut() {
            let pupils =
                school.classes.get(class_id).map(|class| class.pupils.as_slice()).unwrap_or_default();
            let is_present = |pupil: &UserId| heard.contains_key(pupil);
            let present: HashSet<_> = pupils.iter().map(|(_, pupil)| *pupil).filter(is_present).collect();
            let comes_or_goes = std::mem::replace(&mut class.present, present.clone()) != present;
            if class.grids.is_empty() {
                if comes_or_goes {
                    class.send(None, &LiveEvent::Refetch);
                }
                continue;
            }
            for grid in class.grids.values_mut() {
                for pupil in grid.pupils() {
                    let row = grid.rows.entry(pupil).or_default();
                    let at = heard.get(&pupil).copied();
                    (row.present, row.heard_at) = (at.is_some(), at.or(row.heard_at));
                }
            }
            class.tell_changes(now);
            class.tell_open_lessons(school, *class_id, now);
        }
    }

    /// Tells the watchers of a class who fares otherwise because its lesson has changed. Nobody else is looked at, since
    /// many lessons begin at nine o'clock; who came or went meanwhile is told by [`LiveDesk::look_again`].
    pub(super) fn assess_again(&self, school: &School, class_id: ClassId, now: Timestamp) {
        if let Some(class) = self.watched.classes.lock().get_mut(&class_id) {
            class.tell_changes(now);
            class.tell_open_lessons(school, class_id, now);
        }
    }

    fn take_standing(&self, (class_id, epoch): (ClassId, i64), standing: Standing, at: Timestamp) {
        let mut classes = self.watched.classes.lock();
        let Some(class) = classes.get_mut(&class_id) else { return };
        let (pupil_id, lesson_id) = (standing.pupil_id, standing.lesson_id);
        let event = LiveEvent::Cell { pupil_id, lesson_id, cell: standing.cell(), at };
        class.send(Some(EventId { epoch, seq: standing.last_seq }), &event);
        let Some(grid) = lesson_id.and_then(|lesson_id| class.grids.get_mut(&lesson_id)) else { return };
        let row = grid.rows.entry(pupil_id).or_default();
        row.take(standing.problem_version_id, standing);
        // Who answers or asks is there.
        (row.present, row.heard_at) = (true, row.heard_at.max(Some(at)));
        class.tell_change(pupil_id, at);
    }

    fn take_sitting(&self, class_id: ClassId, lesson_id: LessonId, sitting: &StoredSitting) {
        let mut classes = self.watched.classes.lock();
        let Some(class) = classes.get_mut(&class_id) else { return };
        let Some(grid) = class.grids.get_mut(&lesson_id) else { return };
        let row = grid.rows.entry(sitting.pupil_id).or_default();
        row.sitting = Some(sitting.view());
        let at = sitting.handed_in_at.unwrap_or(sitting.begun_at);
        (row.present, row.heard_at) = (true, row.heard_at.max(Some(at)));
        class.tell_change(sitting.pupil_id, at);
    }
}

impl WatchedClass {
    fn send(&mut self, id: Option<EventId>, event: &LiveEvent) {
        if !self.readers.is_empty() {
            send_to(&mut self.readers, &Frame::of(id, event));
        }
    }

    fn tell_changes(&mut self, now: Timestamp) {
        let changes = self.grids.values_mut().flat_map(|grid| {
            let pupils = grid.pupils();
            pupils.into_iter().filter_map(|pupil| grid.assess(pupil, now)).collect::<Vec<_>>()
        });
        for event in changes.collect::<Vec<_>>() {
            self.send(None, &event);
        }
    }

    /// Tells the watchers how a pupil fares in the lessons that are for the pupil, where that has changed.
    fn tell_change(&mut self, pupil: UserId, now: Timestamp) {
        let grids = self.grids.values_mut().filter(|grid| grid.pupils().contains(&pupil));
        for event in grids.filter_map(|grid| grid.assess(pupil, now)).collect::<Vec<_>>() {
            self.send(None, &event);
        }
    }

    /// Tells the watchers who needs the teacher in which of several open lessons, if that has changed.
    fn tell_open_lessons(&mut self, school: &School, class_id: ClassId, now: Timestamp) {
        let Some(class) = school.classes.get(&class_id) else { return };
        let are_several = open_lessons::find(school, class, now).nth(1).is_some();
        if !are_several {
            // That one of two is over was told already: the picture is fetched again.
            self.told.clear();
            return;
        }
        if self.grids.values().any(|grid| !grid.is_read) {
            return;
        }
        let seen = self.grids.values().map(|grid| (grid.lesson_id, grid.seen())).collect();
        let open_lessons = open_lessons::list(school, class, &seen, now);
        if open_lessons != self.told {
            self.told.clone_from(&open_lessons);
            self.send(None, &LiveEvent::OpenLessons { open_lessons });
        }
    }
}

impl Grid {
    fn pupils(&self) -> Vec<UserId> {
        let Some(lesson) = self.school.lessons.get(&self.lesson_id) else { return Vec::new() };
        pupils_of(&self.school, lesson).collect()
    }

    /// How its pupils fare, as was told last.
    fn seen(&self) -> Vec<Seen> {
        let told = self.rows.iter().filter_map(|(pupil, row)| Some((*pupil, row, row.told.clone()?)));
        told.map(|(pupil, row, standing)| Seen { pupil, standing, worked_at: row.worked_at() }).collect()
    }

    /// How a pupil fares now; the event that tells it if it is not what was told last.
    fn assess(&mut self, pupil_id: UserId, now: Timestamp) -> Option<LiveEvent> {
        if !self.is_read {
            return None;
        }
        let lesson = self.school.lessons.get(&self.lesson_id)?;
        let row = self.rows.entry(pupil_id).or_default();
        let standing = assess(&self.school, lesson, row, now);
        if row.told.as_ref() == Some(&standing) {
            return None;
        }
        row.told = Some(standing.clone());
        Some(LiveEvent::Pupil { pupil_id, lesson_id: self.lesson_id, standing })
    }
}

impl Row {
    /// A pupil who was last heard of then, if signed in.
    pub(super) fn heard(heard_at: Option<Timestamp>) -> Self {
        Row { present: heard_at.is_some(), heard_at, ..Row::default() }
    }

    /// When the pupil last answered.
    pub(super) fn worked_at(&self) -> Option<Timestamp> {
        self.cells.values().map(|standing| standing.last_at).max()
    }

    /// Takes a cell, unless a newer one is known.
    pub(super) fn take(&mut self, version: ProblemVersionId, standing: Standing) {
        let is_newer = self.cells.get(&version).is_none_or(|known| known.last_seq <= standing.last_seq);
        if is_newer {
            self.cells.insert(version, standing);
        }
    }
}

/// The pupils a lesson is for, by number.
pub(super) fn pupils_of<'a>(school: &'a School, lesson: &'a Lesson) -> impl Iterator<Item = UserId> + 'a {
    let class = school.classes.get(&lesson.class_id);
    let pupils = class.map(|class| class.pupils.as_slice()).unwrap_or_default();
    pupils.iter().map(|(_, pupil)| *pupil).filter(|pupil| lesson.is_for(*pupil))
}

/// How a pupil fares in a lesson.
pub(super) fn assess(school: &School, lesson: &Lesson, row: &Row, now: Timestamp) -> PupilStanding {
    let language = school.classes.get(&lesson.class_id).map(|class| class.language).unwrap_or_default();
    let ceiling = lesson.help_ceiling();
    let cells: Vec<_> = lesson
        .problems
        .iter()
        .map(|id| {
            let (tried, version) = (row.cells.get(id), school.versions.get(id));
            let known_wrong =
                tried.and_then(|standing| version?.draft.common_wrong.get(standing.misconception?));
            Cell {
                problem_version_id: *id,
                tried,
                help_levels: version.map_or(0, |version| hints::levels(version, ceiling)),
                misconception: known_wrong.map(|wrong| wrong.misconception.get(language)),
            }
        })
        .collect();
    standing::assess(&Facts {
        mode: lesson.mode,
        state: lesson.timing.state_at(now),
        opened_at: Some(lesson.timing.opened_at),
        resumed_at: lesson.timing.resumed_at,
        cells: &cells,
        present: row.present,
        heard_at: row.heard_at,
        sitting: row.sitting.as_ref(),
        now,
    })
}

/// Hands a frame on and forgets readers that have gone or are too far behind.
fn send_to(readers: &mut Vec<Reader>, frame: &Frame) {
    readers.retain(|reader| reader.frames.try_send(frame.clone()).is_ok());
}

/// Makes room for one more stream of a sign-in: the oldest ends if it holds as many as it may.
fn end_oldest<'a>(lists: impl Iterator<Item = &'a mut Vec<Reader>>, session: SessionId) {
    let mut lists: Vec<_> = lists.collect();
    for readers in &mut lists {
        // Who has gone is noticed with the next frame only.
        readers.retain(|reader| reader.session != session || !reader.frames.is_closed());
    }
    let own = lists.iter().flat_map(|readers| readers.iter()).filter(|reader| reader.session == session);
    let mut numbers: Vec<_> = own.map(|reader| reader.number).collect();
    numbers.sort_unstable();
    let Some(last_to_end) = numbers.len().checked_sub(STREAMS).and_then(|index| numbers.get(index)) else {
        return;
    };
    for readers in &mut lists {
        readers.retain(|reader| reader.session != session || reader.number > *last_to_end);
    }
}
