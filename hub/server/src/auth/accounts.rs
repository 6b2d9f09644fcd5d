//! Accounts: making them, giving new secrets, ending sessions, closing them.

use axum::http::StatusCode;
use dreamseed_wire::{
    account::{AddUser, ChangePassword, NewSecret, Role, UserView},
    class::AddPupil,
    hub::ProblemCode,
    ids::{ClassId, SessionId, UserId},
};
use unicode_normalization::UnicodeNormalization;

use super::{
    By, drop_sessions,
    secrets::{self, SecretKind},
    sessions::EndReason,
    throttle::{Account, Device},
    too_many_tries,
};
use crate::{
    api::{
        extract::{Caller, Peer},
        problem::ApiError,
    },
    clock::day_of,
    hub::Ctx,
    ledgers,
    school::{Person, School},
    store::{StoreError, lessons, rosters, sessions, sign_in_cards, sittings, users, users::NewUser},
};

/// Characters of a person's name.
pub const NAME_MAX: usize = 60;
const LOGIN_NAME_MIN: usize = 3;
const LOGIN_NAME_MAX: usize = 60;

/// Makes an account that signs in by name and password; the first password is in the reply and nowhere else.
pub async fn add_user(ctx: &Ctx, by: By, new: AddUser) -> Result<NewSecret, ApiError> {
    if new.role == Role::Student {
        return Err(ApiError::bad_field("role", "pupils are made in a class"));
    }
    let name = check_text("name", &new.name, NAME_MAX)?;
    let login_name = check_login_name(&new.login_name)?;
    check_children(&ctx.school.get(), &new)?;
    let password = secrets::make_first_password()?;
    let secret = ctx.auth.secrets.hash(SecretKind::Password, &password).await?;
    let now = ctx.clock.now();
    let user_id = ctx
        .store
        .write(move |tx| {
            let user = NewUser {
                role: new.role,
                login_name: Some(login_name),
                name,
                language: new.language,
                secret,
                must_change: true,
            };
            let id = users::add(tx, &user, now)?;
            by.audit(tx, now, "add user", Some(id), crate::store::to_word(&new.role).as_str())?;
            for child in new.children {
                lessons::add_guardian(tx, id, child, now)?;
                by.audit(tx, now, "link child", Some(child), &id.to_string())?;
            }
            Ok::<_, StoreError>(id)
        })
        .await?;
    ctx.school.reload(&ctx.store).await?;
    Ok(NewSecret { user_id, secret: password })
}

/// Makes a pupil in a class; without a PIN the hub makes one.
///
/// # Errors
/// [`ProblemCode::Taken`] if somebody has the number.
pub async fn add_pupil(ctx: &Ctx, by: By, class: ClassId, new: AddPupil) -> Result<NewSecret, ApiError> {
    let name = check_text("name", &new.name, NAME_MAX)?;
    if !(1..=999).contains(&new.number) {
        return Err(ApiError::bad_field("number", "a number from 1 to 999"));
    }
    let pin = match new.pin {
        Some(pin) => {
            secrets::check_pin(&pin)?;
            secrets::normalise(&pin)
        }
        None => secrets::make_pin()?,
    };
    let school = ctx.school.get();
    let found = school.classes.get(&class).filter(|class| !class.archived);
    let found = found.ok_or_else(|| ApiError::not_found("That class"))?;
    if found.pupils.iter().any(|(number, _)| *number == new.number) {
        return Err(number_taken());
    }
    let now = ctx.clock.now();
    let (language, school_year) = (found.language, found.school_year);
    let today = day_of(now, &school.hub.time_zone);
    drop(school);
    let secret = ctx.auth.secrets.hash(SecretKind::Pin, &pin).await?;
    let user_id = ctx
        .store
        .write(move |tx| {
            let pupil =
                NewUser { role: Role::Student, login_name: None, name, language, secret, must_change: false };
            let id = users::add(tx, &pupil, now)?;
            lessons::enrol(tx, class, id, new.number, school_year, today)?;
            by.audit(tx, now, "add pupil", Some(id), &class.to_string())?;
            Ok::<_, StoreError>(id)
        })
        .await?;
    ctx.school.reload(&ctx.store).await?;
    Ok(NewSecret { user_id, secret: pin })
}

/// Gives somebody a new PIN or first password; their sessions end.
pub async fn reset_secret(ctx: &Ctx, by: By, user: UserId) -> Result<NewSecret, ApiError> {
    let school = ctx.school.get();
    let person = person(&school, user)?;
    let (kind, account) = (SecretKind::of(person.role), account_of(person, user));
    drop(school);
    let new = match kind {
        SecretKind::Pin => secrets::make_pin()?,
        SecretKind::Password => secrets::make_first_password()?,
    };
    let secret = ctx.auth.secrets.hash(kind, &new).await?;
    let now = ctx.clock.now();
    let ended = ctx
        .store
        .write(move |tx| {
            users::change_secret(tx, user, &secret, kind == SecretKind::Password)?;
            ledgers::note_secret(tx, user, now)?;
            // A PIN is replaced when a card was lost, too.
            sign_in_cards::revoke(tx, user)?;
            let ended = sessions::end_of_user(tx, user, None, now, EndReason::SecretReset.word())?;
            by.audit(tx, now, "reset secret", Some(user), "")?;
            Ok::<_, StoreError>(ended)
        })
        .await?;
    drop_sessions(ctx, &ended);
    // Whoever forgot a PIN has usually tried it too often.
    ctx.auth.throttle.forget(&account);
    ctx.school.reload(&ctx.store).await?;
    Ok(NewSecret { user_id: user, secret: new })
}

/// Changes one's own password or PIN. Other sessions end; this one goes on with its refresh token.
///
/// # Errors
/// [`ProblemCode::WrongSecret`] if the current one is wrong, [`ProblemCode::WeakPassword`] if the new one is weak.
pub async fn change_password(
    ctx: &Ctx,
    caller: &Caller,
    change: ChangePassword,
    peer: Peer,
) -> Result<(), ApiError> {
    let user = caller.user_id;
    let school = ctx.school.get();
    let person = person(&school, user)?;
    let (kind, account) = (SecretKind::of(person.role), account_of(person, user));
    match kind {
        SecretKind::Pin => secrets::check_pin(&change.new)?,
        SecretKind::Password => {
            secrets::check_password(&change.new, person.login_name.as_deref().unwrap_or_default())?;
        }
    }
    drop(school);
    if secrets::normalise(&change.new) == secrets::normalise(&change.current) {
        return Err(ApiError::bad_field("new", "the same as the current one"));
    }
    // Somebody who is signed in: only their own tries hold them up.
    let device = Device { key: *blake3::hash(caller.session_id.0.as_bytes()).as_bytes(), is_known: true };
    ctx.auth.throttle.try_account(&account, device, ctx.clock.now()).map_err(too_many_tries)?;
    let stored = ctx.store.read(move |conn| users::secret(conn, user)).await?;
    let known = stored.clone().filter(|stored| stored != rosters::NO_SECRET);
    let checked = ctx.auth.secrets.check(kind, &change.current, known).await;
    let Ok(checked) = checked else {
        ctx.auth.throttle.forgive(&account, device);
        return Err(checked.err().map_or_else(ApiError::sign_in_needed, ApiError::from));
    };
    if !checked.is_right {
        // Not 401: the sign-in itself is fine.
        let wrong = ApiError::new(
            StatusCode::FORBIDDEN,
            ProblemCode::WrongSecret,
            "The current password or PIN is wrong.",
        );
        return Err(wrong.hint("Type the one with which you signed in."));
    }
    ctx.auth.throttle.forget(&account);
    let secret = ctx.auth.secrets.hash(kind, &change.new).await?;
    let (now, by, current) = (ctx.clock.now(), By::caller(caller, peer), caller.session_id);
    let ended = ctx
        .store
        .write(move |tx| {
            // Somebody may have reset it meanwhile.
            if users::secret(tx.conn(), user)? != stored {
                return Err(ApiError::sign_in_needed());
            }
            users::change_secret(tx, user, &secret, false)?;
            ledgers::note_secret(tx, user, now)?;
            let reason = EndReason::PasswordChanged.word();
            let ended = sessions::end_of_user(tx, user, Some(current), now, reason)?;
            by.audit(tx, now, "change password", Some(user), "")?;
            Ok(ended)
        })
        .await?;
    drop_sessions(ctx, &ended);
    Ok(ctx.school.reload(&ctx.store).await?)
}

/// Ends all sessions of somebody.
pub async fn end_sessions(ctx: &Ctx, by: By, user: UserId) -> Result<(), ApiError> {
    person(&ctx.school.get(), user)?;
    let now = ctx.clock.now();
    let ended: Vec<SessionId> = ctx
        .store
        .write(move |tx| {
            let ended = sessions::end_of_user(tx, user, None, now, EndReason::EndedByAdmin.word())?;
            by.audit(tx, now, "end sessions", Some(user), &ended.len().to_string())?;
            Ok::<_, StoreError>(ended)
        })
        .await?;
    drop_sessions(ctx, &ended);
    Ok(())
}

/// Closes an account: its sessions end, it leaves its classes, its record stays.
///
/// # Errors
/// If it is the last admin's: nobody could open the hub's settings again; of a pupil who sits in an exam.
pub async fn archive_user(ctx: &Ctx, by: By, user: UserId) -> Result<(), ApiError> {
    let school = ctx.school.get();
    let is_admin = person(&school, user)?.role == Role::Admin;
    let now = ctx.clock.now();
    let today = day_of(now, &school.hub.time_zone);
    drop(school);
    let ended = ctx
        .store
        .write(move |tx| {
            if is_admin && !users::has_other_admin(tx.conn(), user)? {
                return Err(ApiError::new(
                    StatusCode::CONFLICT,
                    ProblemCode::NotAllowed,
                    "This is the last admin of the hub.",
                )
                .hint("Make another admin first."));
            }
            if sittings::is_sitting(tx.conn(), user, now)? {
                return Err(ApiError::new(
                    StatusCode::CONFLICT,
                    ProblemCode::ExamRunning,
                    "The pupil sits in an exam that is running; its answers would be lost.",
                )
                .hint("Close the exam first; then the account can be closed."));
            }
            if !users::archive(tx, user, now, today)? {
                return Err(ApiError::not_found("That person"));
            }
            let ended = sessions::end_of_user(tx, user, None, now, EndReason::Archived.word())?;
            by.audit(tx, now, "archive user", Some(user), "")?;
            Ok(ended)
        })
        .await?;
    drop_sessions(ctx, &ended);
    Ok(ctx.school.reload(&ctx.store).await?)
}

/// The people of the school, of one role if given: staff first, then by name.
pub fn list_users(school: &School, role: Option<Role>) -> Vec<UserView> {
    let mut users: Vec<_> = school
        .people
        .iter()
        .filter(|(_, person)| role.is_none_or(|role| person.role == role))
        .map(|(id, person)| view(school, *id, person))
        .collect();
    users.sort_by(|a, b| {
        (a.archived, std::cmp::Reverse(a.role), &a.name, a.user_id).cmp(&(
            b.archived,
            std::cmp::Reverse(b.role),
            &b.name,
            b.user_id,
        ))
    });
    users
}

/// A text that a person typed for others to read: one line, trimmed, composed, without marks that turn its direction.
///
/// # Errors
/// [`ProblemCode::BadField`] with the reason.
pub fn check_text(field: &str, text: &str, max_chars: usize) -> Result<String, ApiError> {
    read_line(text, max_chars).map_err(|why| ApiError::bad_field(field, why))
}

/// The same for files that have errors of their own.
///
/// # Errors
/// The reason in a few words.
pub fn read_line(text: &str, max_chars: usize) -> Result<String, &'static str> {
    // Before it is composed: a text that is far too long is not worth the work.
    if text.len() > max_chars * 16 {
        return Err("too long");
    }
    let text: String = text.trim().nfc().collect();
    if text.is_empty() {
        return Err("empty");
    }
    if text.chars().count() > max_chars {
        return Err("too long");
    }
    if text.chars().any(is_unfit) {
        return Err("characters that cannot be seen");
    }
    Ok(text)
}

/// A login name as it is stored and looked up: NFKC, lower-case, trimmed.
pub fn normalise_login_name(name: &str) -> String {
    // More than any name has: such a name is unknown.
    let name: String = name.trim().chars().take(4 * LOGIN_NAME_MAX).collect();
    name.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// Whether a login name may be given: letters and digits of any script, and `. _ - @` between them.
///
/// # Errors
/// [`ProblemCode::BadField`] with the reason.
pub fn check_login_name(name: &str) -> Result<String, ApiError> {
    let name = normalise_login_name(name);
    let length = name.chars().count();
    if !(LOGIN_NAME_MIN..=LOGIN_NAME_MAX).contains(&length) {
        return Err(ApiError::bad_field("login_name", "from 3 to 60 characters"));
    }
    if !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@')) {
        return Err(ApiError::bad_field("login_name", "letters, digits and . _ - @ only"));
    }
    Ok(name)
}

fn check_children(school: &School, new: &AddUser) -> Result<(), ApiError> {
    if new.children.is_empty() {
        return Ok(());
    }
    if new.role != Role::Parent {
        return Err(ApiError::bad_field("children", "only parents have children here"));
    }
    let is_pupil = |id: &UserId| {
        school.people.get(id).is_some_and(|person| person.role == Role::Student && !person.archived)
    };
    if new.children.iter().all(is_pupil) {
        Ok(())
    } else {
        Err(ApiError::bad_field("children", "one of them is not a pupil of this school"))
    }
}

fn person(school: &School, user: UserId) -> Result<&Person, ApiError> {
    let found = school.people.get(&user).filter(|person| !person.archived);
    found.ok_or_else(|| ApiError::not_found("That person"))
}

fn number_taken() -> ApiError {
    ApiError::new(StatusCode::CONFLICT, ProblemCode::Taken, "Somebody in the class has this number.")
        .hint("Choose another number.")
}

fn account_of(person: &Person, user: UserId) -> Account {
    person.login_name.as_deref().map_or(Account::Pupil(user), Account::login)
}

fn view(school: &School, user_id: UserId, person: &Person) -> UserView {
    let classes = match person.role {
        Role::Student => school.class_of(user_id).map(|class| class.name.clone()).into_iter().collect(),
        Role::Teacher | Role::Admin => {
            let mut names: Vec<_> = school
                .classes
                .values()
                .filter(|class| !class.archived && class.teachers.contains(&user_id))
                .map(|class| class.name.clone())
                .collect();
            names.sort();
            names
        }
        Role::Parent => Vec::new(),
    };
    let children = person.children.iter().filter_map(|child| school.people.get(child));
    UserView {
        user_id,
        role: person.role,
        name: person.name.clone(),
        login_name: person.login_name.clone(),
        language: person.language,
        classes,
        children: children.map(|child| child.name.clone()).collect(),
        archived: person.archived,
    }
}

/// Control characters, and those that change the direction or the look of what stands around them.
fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_names_are_the_same_however_they_are_typed() {
        for typed in ["Kim.Minsu", "  kim.minsu ", "ＫＩＭ.minsu", "KIM.MINSU"] {
            assert_eq!(normalise_login_name(typed), "kim.minsu", "{typed}");
        }
        assert_eq!(check_login_name("김민수").expect("korean"), "김민수");
        for bad in [
            "",
            "ab",
            "kim minsu",
            "kim\u{0}minsu",
            "kim\u{202e}minsu",
            "a/b/c",
            &"k".repeat(61),
            "../../etc",
        ] {
            assert!(check_login_name(bad).is_err(), "{bad}");
        }
        assert!(check_login_name(&"k".repeat(1 << 22)).is_err());
        // What is normalised once stays as it is.
        for odd in ["ﬁnn", "İstanbul", "ẞtraße", "①②③"] {
            let once = normalise_login_name(odd);
            assert_eq!(normalise_login_name(&once), once, "{odd}");
        }
    }

    #[test]
    fn names_are_one_line_that_can_be_seen() {
        assert_eq!(check_text("name", "  김민수 ", NAME_MAX).expect("name"), "김민수");
        // Letters sent one by one become syllables.
        assert_eq!(check_text("name", "\u{1100}\u{1161}", NAME_MAX).expect("name"), "가");
        let bad = ["", "   ", "a\nb", "a\u{0}b", "a\u{202e}b", "a\u{2066}b", "a\u{200b}b"];
        for bad in bad {
            assert_eq!(
                check_text("name", bad, NAME_MAX).map_err(|err| err.code),
                Err(ProblemCode::BadField),
                "{bad}"
            );
        }
        assert!(check_text("name", &"가".repeat(61), NAME_MAX).is_err());
        assert!(check_text("name", &"가".repeat(1 << 21), NAME_MAX).is_err());
    }
}
