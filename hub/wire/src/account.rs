//! Signing in, and who is signed in.

use crate::{Language, ids::*};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a person may do follows from this and from their classes or children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Student,
    Parent,
    Teacher,
    Admin,
}

/// How somebody signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SignIn {
    /// A pupil, on a device that knows the class code.
    Pupil {
        class_code: String,
        pupil_id: UserId,
        pin: String,
        #[serde(default)]
        native: bool,
    },
    /// A pupil with the code of a printed card.
    Card {
        card: String,
        #[serde(default)]
        native: bool,
    },
    /// Staff and parents.
    Password {
        login_name: String,
        password: String,
        #[serde(default)]
        native: bool,
    },
}

/// A sign-in that worked. In browsers the refresh token is in an HttpOnly cookie, not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// Send as `Authorization: Bearer …`; keep in memory only.
    pub access_token: String,
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Only for native clients that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    pub me: Me,
}

/// A new access token for a refresh token; browsers send the cookie and an empty object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshSession {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub role: Role,
    pub name: String,
    pub language: Language,
    /// The first password was given by somebody else and must be changed.
    pub must_change_password: bool,
    /// A pupil's class of today.
    pub class: Option<MyClass>,
}

/// A pupil's class and their number in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MyClass {
    pub class_id: ClassId,
    pub name: String,
    pub language: Language,
    pub number: u16,
}

/// A session in the list of one's own sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    pub session_id: SessionId,
    pub current: bool,
    /// The browser or client as it named itself, shortened.
    pub agent: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub last_seen_at: Timestamp,
}

/// Change one's own password (or a pupil's PIN).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    pub current: String,
    pub new: String,
}

/// Makes the first admin; the code stands on the hub's own console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUpHub {
    pub code: String,
    pub school_name: String,
    pub login_name: String,
    pub name: String,
    pub password: String,
    #[serde(default)]
    pub language: Language,
}

/// A new account that signs in by name and password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddUser {
    /// Parent, teacher or admin; pupils are made in a class.
    pub role: Role,
    pub login_name: String,
    pub name: String,
    #[serde(default)]
    pub language: Language,
    /// For parents: the pupils they may see.
    #[serde(default)]
    pub children: Vec<UserId>,
}

/// An account that was made or whose secret was reset; the secret is told this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewSecret {
    pub user_id: UserId,
    /// The PIN or the first password.
    pub secret: String,
}

/// A person in the admin's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserView {
    pub user_id: UserId,
    pub role: Role,
    pub name: String,
    pub login_name: Option<String>,
    pub language: Language,
    /// A pupil's class, or the classes a teacher teaches.
    pub classes: Vec<String>,
    /// A parent's children.
    pub children: Vec<String>,
    pub archived: bool,
}

/// A parent's child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Child {
    pub pupil_id: UserId,
    pub name: String,
    pub class: Option<MyClass>,
}
