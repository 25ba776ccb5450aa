//! Periods of the calendar, in UTC.
//!
//! A window does not begin with the first request: it is the minute, the month, the year that the clock shows, the same one for everybody.

/// A period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Period {
    Second,
    Minute,
    Hour,
    Day,
    Month,
    Year,
}

const DAY_S: u64 = 86_400;

impl Period {
    /// From the shortest to the longest.
    pub const ALL: [Period; 6] = [
        Period::Second,
        Period::Minute,
        Period::Hour,
        Period::Day,
        Period::Month,
        Period::Year,
    ];

    /// As configurations name it.
    pub fn name(self) -> &'static str {
        match self {
            Period::Second => "second",
            Period::Minute => "minute",
            Period::Hour => "hour",
            Period::Day => "day",
            Period::Month => "month",
            Period::Year => "year",
        }
    }

    /// Kong: a month counts as thirty days, a year as 365, when the time until the next window is told.
    pub fn length_s(self) -> u64 {
        match self {
            Period::Second => 1,
            Period::Minute => 60,
            Period::Hour => 3_600,
            Period::Day => DAY_S,
            Period::Month => 30 * DAY_S,
            Period::Year => 365 * DAY_S,
        }
    }

    /// When the window that a moment lies in began.
    pub fn start_s(self, now_s: u64) -> u64 {
        match self {
            Period::Month => first_of(date(now_s).0, date(now_s).1),
            Period::Year => first_of(date(now_s).0, 1),
            short => now_s - now_s % short.length_s(),
        }
    }

    /// When the next window begins.
    pub fn end_s(self, now_s: u64) -> u64 {
        match (self, date(now_s)) {
            (Period::Month, (year, 12)) | (Period::Year, (year, _)) => first_of(year + 1, 1),
            (Period::Month, (year, month)) => first_of(year, month + 1),
            (short, _) => short.start_s(now_s) + short.length_s(),
        }
    }
}

fn is_leap(year: u64) -> bool {
    (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
}

/// Days from 1970 to the beginning of a year.
fn days_before_year(year: u64) -> u64 {
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    (year - 1970) * 365 + leaps(year - 1) - leaps(1969)
}

fn days_before_month(year: u64, month: u64) -> u64 {
    const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let at = usize::try_from(month - 1).expect("invariant: a month is a small number");
    BEFORE[at] + u64::from(month > 2 && is_leap(year))
}

fn first_of(year: u64, month: u64) -> u64 {
    (days_before_year(year) + days_before_month(year, month)) * DAY_S
}

/// Year and month of a moment after 1970.
fn date(now_s: u64) -> (u64, u64) {
    let days = now_s / DAY_S;
    let mut year = 1970 + days / 366;
    while days_before_year(year + 1) <= days {
        year += 1;
    }
    let day = days - days_before_year(year);
    let month = (1..=12)
        .rev()
        .find(|month| days_before_month(year, *month) <= day);
    (year, month.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(now_s: u64, period: Period, start_s: u64, end_s: u64) {
        assert_eq!(
            (period.start_s(now_s), period.end_s(now_s)),
            (start_s, end_s),
            "{now_s} {period:?}"
        );
    }

    #[test]
    fn windows_are_those_of_the_calendar() {
        // 2024-02-29 12:34:56
        let leap_day = 1_709_210_096;
        check(leap_day, Period::Second, leap_day, leap_day + 1);
        check(leap_day, Period::Minute, 1_709_210_040, 1_709_210_100);
        check(leap_day, Period::Hour, 1_709_208_000, 1_709_211_600);
        check(leap_day, Period::Day, 1_709_164_800, 1_709_251_200);
        check(leap_day, Period::Month, 1_706_745_600, 1_709_251_200);
        check(leap_day, Period::Year, 1_704_067_200, 1_735_689_600);
        // 2023-12-31 23:59:59 and the second after it
        check(1_704_067_199, Period::Month, 1_701_388_800, 1_704_067_200);
        check(1_704_067_199, Period::Year, 1_672_531_200, 1_704_067_200);
        check(1_704_067_200, Period::Month, 1_704_067_200, 1_706_745_600);
        check(0, Period::Year, 0, 31_536_000);
    }
}
