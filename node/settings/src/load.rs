//! From all places to one [`Settings`].
//!
//! Transparent sheets laid on each other: the default at the bottom, then the file, Kong's variables, our
//! variables, the flags. Looking from above, the topmost writing of a setting counts. Only what counts is
//! parsed: a value that a higher place overrides cannot be in the way.
//!
//! The catch: an empty value (or Kong's word `NONE`) is writing too. It covers what lies below and leaves
//! the default.

use crate::check;
use crate::conf_file::{self, ConfFile};
use crate::names::{self, Variable};
use crate::problem::{Place, Rejected, SettingError};
use crate::table::{Setting, Settings, table};

/// Everything that may speak about settings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sources<'a> {
    /// The settings file, where there is one.
    pub file: Option<ConfFile<'a>>,
    /// The whole environment; variables of other programs are passed over.
    pub environment: &'a [(String, String)],
    /// Flags given, by the name of the setting.
    pub flags: &'a [(&'static str, String)],
}

/// Usable settings and what to tell about them.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Each setting as it came out, in the order of the table.
    pub effective: Vec<Effective>,
    /// Things the user should know although the process may start.
    pub warnings: Vec<String>,
}

/// One setting as it came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// Its name.
    pub name: &'static str,
    /// Its value; asterisks for a secret, empty for unset.
    pub value: String,
    /// Where the value was written.
    pub place: Place,
}

/// Lays the sources on each other and parses what counts.
///
/// # Errors
/// Everything that is wrong, together.
pub fn load(sources: &Sources<'_>) -> Result<Loaded, Rejected> {
    let mut sheets = Sheets::default();
    sheets.add_file(sources.file);
    sheets.add_kong_variables(sources.environment);
    sheets.add_variables(sources.environment);
    sheets.add_flags(sources.flags);
    sheets.into_loaded()
}

/// The writing that counts so far, per setting of the table, and what was noticed on the way.
#[derive(Default)]
struct Sheets {
    written: Vec<Option<(String, Place)>>,
    errors: Vec<SettingError>,
    warnings: Vec<String>,
}

impl Sheets {
    fn write(&mut self, index: usize, value: &str, place: Place) {
        self.written.resize(table().len(), None);
        self.written[index] = Some((value.trim().to_owned(), place));
    }

    fn add_file(&mut self, file: Option<ConfFile<'_>>) {
        let Some(file) = file else { return };
        let mut seen = Vec::new();
        for line in conf_file::parse(file, &mut self.errors) {
            let Some(index) = names::in_file(&line.name) else {
                let nearest = names::nearest_setting(&line.name);
                self.errors.push(SettingError::Unknown {
                    name: line.name,
                    place: line.place,
                    nearest,
                });
                continue;
            };
            if seen.contains(&index) {
                self.warnings.push(format!(
                    "{} sets {} again; this line counts",
                    line.place, line.name
                ));
            }
            seen.push(index);
            self.write(index, &line.value, line.place);
        }
    }

    fn add_kong_variables(&mut self, environment: &[(String, String)]) {
        for (variable, value) in environment
            .iter()
            .filter(|(variable, _)| variable.starts_with("KONG_"))
        {
            match names::of_kong_variable(variable) {
                Some(index) => self.write(
                    index,
                    value,
                    Place::Environment {
                        variable: variable.clone(),
                    },
                ),
                None => self
                    .warnings
                    .push(format!("{variable} has no meaning here and is ignored")),
            }
        }
    }

    fn add_variables(&mut self, environment: &[(String, String)]) {
        for (variable, value) in environment
            .iter()
            .filter(|(variable, _)| variable.starts_with("TROOP_"))
        {
            let place = Place::Environment {
                variable: variable.clone(),
            };
            match names::of_variable(variable) {
                Variable::Setting(index) => self.write(index, value, place),
                Variable::Elsewhere => {}
                Variable::Misspelt(meant) => {
                    self.errors.push(SettingError::Unknown {
                        name: variable.clone(),
                        place,
                        nearest: Some(meant),
                    });
                }
                Variable::Unknown => self
                    .warnings
                    .push(format!("{variable} is not a setting and is ignored")),
            }
        }
    }

    fn add_flags(&mut self, flags: &[(&'static str, String)]) {
        for (name, value) in flags {
            let index = names::in_file(name).expect("invariant: flags are made from the table");
            self.write(
                index,
                value,
                Place::Flag {
                    flag: format!("--{}", table()[index].flag()),
                },
            );
        }
    }

    fn into_loaded(mut self) -> Result<Loaded, Rejected> {
        self.written.resize(table().len(), None);
        let mut settings = Settings::defaults();
        let mut places = Vec::with_capacity(table().len());
        for (setting, written) in table().iter().zip(std::mem::take(&mut self.written)) {
            let place = match written {
                Some((value, place)) if value.is_empty() || value == "NONE" => place,
                Some((value, place)) => self.fill(&mut settings, setting, value, place),
                None => Place::Default,
            };
            places.push(place);
        }
        check::together(&settings, &places, &mut self.errors, &mut self.warnings);
        if !self.errors.is_empty() {
            return Err(Rejected { errors: self.errors });
        }
        let shown = table().iter().zip(places);
        let effective = shown
            .map(|(setting, place)| Effective {
                name: setting.name,
                value: (setting.show)(&settings),
                place,
            })
            .collect();
        Ok(Loaded {
            settings,
            effective,
            warnings: self.warnings,
        })
    }

    fn fill(&mut self, settings: &mut Settings, setting: &Setting, value: String, place: Place) -> Place {
        if let Err(problem) = (setting.fill)(settings, &value) {
            let value = if setting.secret {
                "******".to_owned()
            } else {
                value
            };
            self.errors.push(SettingError::Value {
                setting: setting.name,
                value,
                place: place.clone(),
                problem,
            });
        }
        place
    }
}

#[cfg(test)]
mod tests;
