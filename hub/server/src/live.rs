//! The class as it works: the picture of a class, and the stream of what changes in it.
//!
//! Events carry their number of the record as id. After a break the stream goes on from the log: the cells that changed
//! since the last id are read from the database and sent first, then live ones follow.

use std::sync::Arc;

use dreamseed_wire::{
    class::LessonState,
    ids::*,
    live::{ClassLive, LiveCell, LiveEvent, LivePupil},
};
use tokio::sync::broadcast;

use crate::{
    hub::Ctx,
    school::{Class, School},
    store::{Committed, StoreError, hub_meta, standings},
};

/// Events that a slow watcher may be behind; past it the watcher fetches the picture again.
const BACKLOG: usize = 1024;

/// Tells watchers what was committed.
#[derive(Clone)]
pub struct LiveBus {
    sender: broadcast::Sender<Arc<Committed>>,
}

impl Default for LiveBus {
    fn default() -> Self {
        LiveBus { sender: broadcast::channel(BACKLOG).0 }
    }
}

impl LiveBus {
    /// Passes on what a group of writes did; never blocks.
    pub fn publish(&self, committed: Vec<Committed>) {
        for event in committed {
            // No watcher is fine.
            let _ = self.sender.send(Arc::new(event));
        }
    }

    /// From now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.sender.subscribe()
    }
}

/// The picture of a class: its newest open lesson, else its newest.
pub async fn picture(ctx: &Ctx, class_id: ClassId) -> Result<Option<ClassLive>, StoreError> {
    let school = ctx.school.get();
    if !school.classes.contains_key(&class_id) {
        return Ok(None);
    }
    let present = ctx.auth.present_users(ctx.clock.now());
    ctx.store
        .read(move |conn| {
            // Taken first: a change that commits meanwhile is sent again by the stream, which does no harm.
            let last_event = hub_meta::last_seq(conn)?;
            let Some(class) = school.classes.get(&class_id) else { return Ok(None) };
            let lesson = shown_lesson(&school, class);
            let versions = lesson.map(|lesson| lesson.problems.clone()).unwrap_or_default();
            let mut pupils = Vec::with_capacity(class.pupils.len());
            for (_, pupil) in &class.pupils {
                let Some(entry) = school.roster_entry(*pupil) else { continue };
                let standings = match lesson {
                    Some(lesson) => standings::of_pupil_in_lesson(conn, *pupil, lesson.lesson_id, 0)?,
                    None => Vec::new(),
                };
                let cells = versions
                    .iter()
                    .map(|version| {
                        let found = standings.iter().find(|standing| standing.problem_version_id == *version);
                        found.map_or_else(|| LiveCell::not_started(*version), standings::Standing::cell)
                    })
                    .collect();
                pupils.push(LivePupil { pupil: entry, present: present.contains(pupil), cells });
            }
            Ok(Some(ClassLive {
                class_id,
                lesson_id: lesson.map(|lesson| lesson.lesson_id),
                title: lesson.map(|lesson| lesson.title.clone()).unwrap_or_default(),
                problems: school.summaries(&versions, class.language),
                pupils,
                last_event,
            }))
        })
        .await
}

/// What changed in a class after a number of the record, oldest first; none if the record does not reach that far, as
/// after a restore: then the picture must be fetched again.
pub async fn missed(
    ctx: &Ctx,
    class_id: ClassId,
    since: i64,
) -> Result<Option<Vec<(i64, LiveEvent)>>, StoreError> {
    let school = ctx.school.get();
    let now = ctx.clock.now();
    ctx.store
        .read(move |conn| {
            if since > hub_meta::last_seq(conn)? {
                return Ok(None);
            }
            let Some(class) = school.classes.get(&class_id) else { return Ok(Some(Vec::new())) };
            let mut events = Vec::new();
            for lesson in &class.lessons {
                for (_, pupil) in &class.pupils {
                    for standing in standings::of_pupil_in_lesson(conn, *pupil, *lesson, since)? {
                        let event = LiveEvent::Cell {
                            pupil_id: *pupil,
                            lesson_id: Some(*lesson),
                            cell: standing.cell(),
                            at: now,
                        };
                        events.push((standing.last_seq, event));
                    }
                }
            }
            events.sort_by_key(|(seq, _)| *seq);
            Ok(Some(events))
        })
        .await
}

fn shown_lesson<'a>(school: &'a School, class: &Class) -> Option<&'a crate::school::Lesson> {
    let mut lessons = class.lessons.iter().filter_map(|id| school.lessons.get(id));
    lessons.clone().find(|lesson| lesson.state != LessonState::Closed).or_else(|| lessons.next())
}
