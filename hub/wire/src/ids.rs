//! Identities: UUIDs (version 7) in types of their own, so that a class can never be passed for a pupil.

macro_rules! id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => {$(
        #[$doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = Uuid)]
        pub struct $name(pub uuid::Uuid);

        impl $name {
            /// A new id of version 7: its first 48 bits are the time, which keeps index pages together.
            pub fn new() -> Self {
                Self(uuid::Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }

        #[cfg(feature = "sqlite")]
        impl rusqlite::types::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(rusqlite::types::ToSqlOutput::from(self.0.as_bytes().as_slice()))
            }
        }

        #[cfg(feature = "sqlite")]
        impl rusqlite::types::FromSql for $name {
            fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
                let bytes = value.as_blob()?;
                uuid::Uuid::from_slice(bytes).map(Self).map_err(rusqlite::types::FromSqlError::other)
            }
        }
    )+};
}

id! {
    /// The hub itself; stays the same for its whole life, restores included.
    HubId,
    /// A stretch of the hub's record between two restores.
    EpochId,
    /// Anyone with an account: pupil, parent, teacher or admin.
    UserId,
    /// One sign-in and the tokens that follow from it.
    SessionId,
    /// A device that has been enrolled.
    DeviceId,
    /// A class of one school year.
    ClassId,
    /// Problems given to a class.
    LessonId,
    /// A problem, whatever its wording; its versions are immutable.
    ProblemId,
    /// One immutable wording of a problem with its key.
    ProblemVersionId,
    /// One answer, named by the client before it is sent.
    AttemptId,
    /// One piece of help for an attempt.
    FeedbackId,
    /// A message of the hub to its admin.
    NoticeId,
    /// A named group of pupils of a class.
    GroupId,
    /// What a pupil is told by people: a note, an opened step, a corrected grade.
    NoteId,
    /// One correction of a key and of the grades that follow from it.
    RegradeId,
    /// One import of a list, or one change of the school year.
    RosterChangeId,
    /// A key for a program that reads the hub.
    ApiKeyId,
    /// What a guardian has agreed to.
    ConsentId,
}
