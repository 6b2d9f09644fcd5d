//! All lessons ever held, in parts that one picture of the school shares with the next.

use std::{collections::HashMap, ops::Index, sync::Arc};

use dreamseed_wire::ids::LessonId;

use super::Lesson;

/// A change copies one part of the lessons: of the hundred thousand of many years a few hundred pointers.
const PARTS: usize = 256;

/// Lessons by id.
#[derive(Clone, PartialEq)]
pub struct Lessons {
    parts: Vec<Arc<HashMap<LessonId, Arc<Lesson>>>>,
}

impl Default for Lessons {
    fn default() -> Self {
        Lessons { parts: vec![Arc::default(); PARTS] }
    }
}

impl Lessons {
    pub fn get(&self, id: &LessonId) -> Option<&Lesson> {
        self.shared(id).map(Arc::as_ref)
    }

    /// In no order.
    pub fn values(&self) -> impl Iterator<Item = &Lesson> {
        self.parts.iter().flat_map(|part| part.values()).map(Arc::as_ref)
    }

    /// The lesson as pictures share it.
    pub(crate) fn shared(&self, id: &LessonId) -> Option<&Arc<Lesson>> {
        self.parts[part_of(id)].get(id)
    }

    /// Puts a lesson in the place of the one with its id, if there is one.
    pub(crate) fn put(&mut self, lesson: Arc<Lesson>) {
        Arc::make_mut(&mut self.parts[part_of(&lesson.lesson_id)]).insert(lesson.lesson_id, lesson);
    }
}

impl Index<&LessonId> for Lessons {
    type Output = Lesson;

    fn index(&self, id: &LessonId) -> &Lesson {
        &self.parts[part_of(id)][id]
    }
}

/// By the last byte: a UUIDv7 begins with the time and ends in chance.
fn part_of(id: &LessonId) -> usize {
    usize::from(id.0.as_bytes()[15]) % PARTS
}
