//! What the other nodes said that they counted.
//!
//! A page for each node. What counts against a limit is the sum over all pages, made anew from the pages each time one of them
//! changes, so that it can never drift away from them.
//!
//! A node that starts anew counts from nothing again, while what it admitted before was admitted: so a page keeps what earlier lives counted
//! beside what this one does.

use super::sheet::Sheet;
use crate::limits::counters::Counted;
use std::collections::HashMap;

/// Counts on one page, as many as a node can hold at once.
const COUNTS_MAX: usize = 1 << 18;

/// All pages.
#[derive(Default)]
pub(super) struct Ledger {
    pages: HashMap<u64, Page>,
    ignored: u64,
}

#[derive(Default)]
struct Page {
    life: u64,
    /// Number of the last sheet.
    number: u64,
    counts: HashMap<u64, Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    ends_s: u32,
    /// In earlier lives.
    before: u32,
    count: u32,
}

impl Ledger {
    /// Enters a sheet; `changed` gets each name on it with the sum over all pages.
    pub fn enter(&mut self, sheet: &Sheet, now_s: u64, mut changed: impl FnMut(Counted)) {
        if !self.page_of(sheet) {
            return;
        }
        for counted in sheet
            .counts
            .iter()
            .filter(|count| u64::from(count.ends_s) > now_s)
        {
            if self.write(sheet.from, *counted, now_s) {
                changed(Counted {
                    count: self.sum(counted.name, counted.ends_s),
                    ..*counted
                });
            } else {
                self.ignored += 1;
            }
        }
    }

    /// Counts there was no room for.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Opens the page of the sheet's life and number; whether the sheet is news.
    fn page_of(&mut self, sheet: &Sheet) -> bool {
        let page = self.pages.entry(sheet.from).or_default();
        if page.life != sheet.life {
            page.life = sheet.life;
            page.number = 0;
            for entry in page.counts.values_mut() {
                entry.before = entry.before.saturating_add(entry.count);
                entry.count = 0;
            }
        }
        let news = sheet.number > page.number;
        if news {
            page.number = sheet.number;
        }
        news
    }

    fn write(&mut self, from: u64, counted: Counted, now_s: u64) -> bool {
        let page = self.pages.entry(from).or_default();
        if page.counts.len() >= COUNTS_MAX {
            page.counts.retain(|_, entry| u64::from(entry.ends_s) > now_s);
            if page.counts.len() >= COUNTS_MAX && !page.counts.contains_key(&counted.name) {
                return false;
            }
        }
        let fresh = Entry {
            ends_s: counted.ends_s,
            before: 0,
            count: 0,
        };
        let entry = page.counts.entry(counted.name).or_insert(fresh);
        if entry.ends_s != counted.ends_s {
            *entry = fresh;
        }
        entry.count = counted.count;
        true
    }

    fn sum(&self, name: u64, ends_s: u32) -> u32 {
        let of = |page: &Page| match page.counts.get(&name) {
            Some(entry) if entry.ends_s == ends_s => entry.before.saturating_add(entry.count),
            _ => 0,
        };
        self.pages.values().map(of).fold(0, u32::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Enters sheets, each as (from, life, number, end, count), and checks the last sum of name 9.
    fn check(sheets: &[(u64, u64, u64, u32, u32)], sum: Option<u32>) {
        let mut ledger = Ledger::default();
        let mut last = None;
        for &(from, life, number, ends_s, count) in sheets {
            let counts = vec![Counted {
                name: 9,
                ends_s,
                count,
            }];
            let sheet = Sheet {
                from,
                life,
                number,
                counts,
            };
            ledger.enter(&sheet, 50, |total| last = Some(total.count));
        }
        assert_eq!(last, sum, "{sheets:?}");
    }

    #[test]
    fn what_is_told_again_replaces_and_what_comes_late_is_ignored() {
        check(&[(1, 1, 1, 60, 5), (1, 1, 2, 60, 7)], Some(7));
        check(&[(1, 1, 2, 60, 7), (1, 1, 1, 60, 5)], Some(7));
        check(&[(1, 1, 1, 60, 5), (1, 1, 1, 60, 6)], Some(5));
    }

    #[test]
    fn nodes_add_up_and_so_do_the_lives_of_one() {
        check(&[(1, 1, 1, 60, 5), (2, 1, 1, 60, 7)], Some(12));
        check(&[(1, 1, 9, 60, 5), (1, 2, 1, 60, 1)], Some(6));
        check(&[(1, 1, 9, 60, 5), (1, 2, 1, 60, 1), (1, 3, 1, 60, 2)], Some(8));
    }

    #[test]
    fn windows_do_not_mix_and_those_that_are_over_do_not_count() {
        check(&[(1, 1, 1, 60, 5), (1, 1, 2, 70, 1)], Some(1));
        check(&[(1, 1, 1, 60, 5), (2, 1, 1, 70, 1)], Some(1));
        check(&[(1, 1, 1, 50, 5)], None);
    }

    #[test]
    fn a_full_page_takes_nothing_new_and_says_so() {
        let mut ledger = Ledger::default();
        let sheet = |number: u64, name: u64| Sheet {
            from: 1,
            life: 1,
            number,
            counts: vec![Counted {
                name,
                ends_s: 60,
                count: 1,
            }],
        };
        for name in 0..=COUNTS_MAX as u64 {
            ledger.enter(&sheet(name + 1, name), 50, |_| {});
        }
        assert_eq!(ledger.ignored(), 1);
        // Their windows are over: there is room again.
        let mut taken = 0;
        let mut late = sheet(1 << 40, 1 << 40);
        late.counts[0].ends_s = 90;
        ledger.enter(&late, 60, |_| taken += 1);
        assert_eq!((taken, ledger.ignored()), (1, 1));
    }
}
