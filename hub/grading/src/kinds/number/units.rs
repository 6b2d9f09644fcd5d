//! Units that may follow a number: one spelling for each, and how they convert.

use crate::normalise::fold;
use dreamseed_wire::answer::Unreadable;
use num_rational::BigRational;

/// One spelling for a unit: `㎠`, `cm^2`, `CM²` and `제곱센티미터` are all `cm2`.
pub(crate) fn canonical_unit(unit: &str) -> String {
    let folded = fold(unit).replace("\\text", "").replace("\\mathrm", "").replace("^\\circ", "°");
    let bare: String = folded
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '^' | '{' | '}'))
        .flat_map(char::to_lowercase)
        .collect();
    KNOWN_UNITS
        .iter()
        .find(|known| known.spellings.contains(&bare.as_str()))
        .map_or(bare, |known| known.name().to_owned())
}

/// The unit in what follows a number: none, one of the key's, or a known one.
pub(super) fn read_unit(tail: &str, units: &[String]) -> Result<Option<String>, Unreadable> {
    let bare = tail.trim_end_matches('.').trim_end();
    if bare.is_empty() {
        return Ok(None);
    }
    if bare.starts_with(',') {
        return Err(Unreadable::Comma);
    }
    let unit = canonical_unit(bare);
    if unit.is_empty() {
        return Err(Unreadable::NotANumber);
    }
    if units.contains(&unit) {
        return Ok(Some(unit));
    }
    // A lone Latin letter behind a number that asks for no unit is algebra (`5m`), not metres.
    let letter = unit.len() == 1 && units.is_empty();
    if !letter && KNOWN_UNITS.iter().any(|known| known.name() == unit) {
        return Ok(Some(unit));
    }
    Err(Unreadable::NotANumber)
}

/// A value of unit `from` in unit `to`, if both measure the same quantity.
pub(super) fn convert(value: &BigRational, from: &str, to: &str) -> Option<BigRational> {
    let find = |name: &str| KNOWN_UNITS.iter().find(|known| known.name() == name);
    let (from, to) = (find(from)?, find(to)?);
    let (quantity, from_size) = from.size?;
    let (other, to_size) = to.size?;
    (quantity == other).then(|| value * BigRational::new(from_size.into(), to_size.into()))
}

/// What can follow a number without the key naming it.
struct KnownUnit {
    /// The first is the name; all in lower case without spaces.
    spellings: &'static [&'static str],
    /// The quantity and the unit's size in its smallest unit here; none for what is only counted.
    size: Option<(Quantity, i64)>,
}

impl KnownUnit {
    fn name(&self) -> &'static str {
        self.spellings.first().copied().unwrap_or_default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Length,
    Area,
    Volume,
    Mass,
    Time,
}

const fn unit(quantity: Quantity, size: i64, spellings: &'static [&'static str]) -> KnownUnit {
    KnownUnit { spellings, size: Some((quantity, size)) }
}

const fn counter(spellings: &'static [&'static str]) -> KnownUnit {
    KnownUnit { spellings, size: None }
}

const KNOWN_UNITS: &[KnownUnit] = &[
    unit(Quantity::Length, 1, &["mm", "밀리미터"]),
    unit(Quantity::Length, 10, &["cm", "센티미터", "센티"]),
    unit(Quantity::Length, 1_000, &["m", "미터"]),
    unit(Quantity::Length, 1_000_000, &["km", "킬로미터"]),
    unit(Quantity::Area, 1, &["mm2", "제곱밀리미터"]),
    unit(Quantity::Area, 100, &["cm2", "제곱센티미터"]),
    unit(Quantity::Area, 1_000_000, &["m2", "제곱미터"]),
    unit(Quantity::Area, 10_000_000_000, &["ha", "헥타르"]),
    unit(Quantity::Area, 1_000_000_000_000, &["km2", "제곱킬로미터"]),
    unit(Quantity::Volume, 1, &["mm3", "세제곱밀리미터"]),
    unit(Quantity::Volume, 1_000, &["cm3", "세제곱센티미터", "cc", "시시"]),
    unit(Quantity::Volume, 1_000, &["ml", "밀리리터"]),
    unit(Quantity::Volume, 100_000, &["dl", "데시리터"]),
    unit(Quantity::Volume, 1_000_000, &["l", "리터"]),
    unit(Quantity::Volume, 1_000_000_000, &["m3", "세제곱미터"]),
    unit(Quantity::Volume, 1_000_000_000, &["kl", "킬로리터"]),
    unit(Quantity::Mass, 1, &["mg", "밀리그램"]),
    unit(Quantity::Mass, 1_000, &["g", "그램"]),
    unit(Quantity::Mass, 1_000_000, &["kg", "킬로그램"]),
    unit(Quantity::Mass, 1_000_000_000, &["t", "톤"]),
    unit(Quantity::Time, 1, &["초", "s", "sec", "second", "seconds"]),
    unit(Quantity::Time, 60, &["분", "min", "minute", "minutes"]),
    unit(Quantity::Time, 3_600, &["시간", "h", "hour", "hours"]),
    unit(Quantity::Time, 86_400, &["일", "day", "days"]),
    counter(&["°", "도", "degree", "degrees"]),
    counter(&["°c"]),
    counter(&["km/h"]),
    counter(&["m/s"]),
    counter(&["m/min", "m/분"]),
    counter(&["원", "won"]),
    counter(&["개"]),
    counter(&["명"]),
    counter(&["사람", "people", "persons"]),
    counter(&["마리"]),
    counter(&["장"]),
    counter(&["권", "books"]),
    counter(&["자루"]),
    counter(&["그루", "trees"]),
    counter(&["송이"]),
    counter(&["대"]),
    counter(&["살", "세"]),
    counter(&["번"]),
    counter(&["회", "times"]),
    counter(&["배"]),
    counter(&["점", "points"]),
    counter(&["병"]),
    counter(&["컵", "cups"]),
    counter(&["잔"]),
    counter(&["통"]),
    counter(&["줄"]),
    counter(&["쪽", "pages"]),
    counter(&["조각", "pieces"]),
    counter(&["칸"]),
    counter(&["켤레"]),
    counter(&["묶음"]),
    counter(&["상자", "boxes"]),
    counter(&["봉지", "bags"]),
    counter(&["가지"]),
    counter(&["students", "pupils"]),
    counter(&["달", "개월", "months"]),
    counter(&["주", "weeks"]),
    counter(&["년", "years"]),
];
