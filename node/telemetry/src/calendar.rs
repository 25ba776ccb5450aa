//! A moment as the access log writes it: `22/Nov/2025:02:30:00 +0000`.
//!
//! Days since 1970 become year, month and day by counting from a year that starts in March, so that the
//! odd day of February comes last and needs no special case (the civil-from-days method of Howard
//! Hinnant). Always UTC: a log of a cluster is read across time zones.

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

const DAY_SECONDS: u64 = 86_400;
/// Days in 400 years, after which the calendar repeats.
const ERA_DAYS: u64 = 146_097;
/// Days from 1 March of year 0 to 1 January 1970.
const EPOCH_SHIFT_DAYS: u64 = 719_468;

/// Year, month (1 to 12) and day of a day counted from 1 January 1970.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + EPOCH_SHIFT_DAYS;
    let (era, day_of_era) = (shifted / ERA_DAYS, shifted % ERA_DAYS);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / (ERA_DAYS - 1)) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// Appends the moment in nginx's `time_local` form.
pub(crate) fn write_moment(unix_ms: u64, out: &mut Vec<u8>) {
    use std::io::Write;
    let seconds = unix_ms / 1_000;
    let (year, month, day) = civil(seconds / DAY_SECONDS);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let month = MONTHS[usize::try_from(month - 1).expect("invariant: a month is 1 to 12")];
    write!(
        out,
        "{day:02}/{month}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000"
    )
    .expect("invariant: writing to a Vec cannot fail");
}

/// Appends the moment as seconds since 1970, with milliseconds.
pub(crate) fn write_unix(unix_ms: u64, out: &mut Vec<u8>) {
    use std::io::Write;
    write!(out, "{}.{:03}", unix_ms / 1_000, unix_ms % 1_000)
        .expect("invariant: writing to a Vec cannot fail");
}

/// Appends the moment in the form of ISO 8601, with milliseconds.
pub(crate) fn write_iso(unix_ms: u64, out: &mut Vec<u8>) {
    use std::io::Write;
    let seconds = unix_ms / 1_000;
    let (year, month, day) = civil(seconds / DAY_SECONDS);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let ms = unix_ms % 1_000;
    write!(
        out,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}+00:00"
    )
    .expect("invariant: writing to a Vec cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(unix_seconds: u64, expected: &str) {
        let mut out = Vec::new();
        write_moment(unix_seconds * 1_000 + 999, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn moments_read_as_the_calendar_says() {
        check(0, "01/Jan/1970:00:00:00 +0000");
        check(951_782_400, "29/Feb/2000:00:00:00 +0000");
        check(951_868_799, "29/Feb/2000:23:59:59 +0000");
        check(1_709_251_200, "01/Mar/2024:00:00:00 +0000");
        check(1_763_778_600, "22/Nov/2025:02:30:00 +0000");
        check(4_107_542_399, "28/Feb/2100:23:59:59 +0000");
        check(4_107_542_400, "01/Mar/2100:00:00:00 +0000");
    }
}
