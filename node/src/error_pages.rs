//! The pages of errors that settings name, from their files: read before anything starts, so that a page that cannot be filled in is noticed by whoever
//! wrote it and not by a client.

use anyhow::{Context, Result, bail};
use std::{fs::File, io::Read, path::Path};
use troop_gateway::{self as gateway, ERROR_TEMPLATE_MAX_BYTES, ErrorPages, ErrorTemplate};
use troop_settings::{self as settings, Settings};

/// Kong's pages, and in their place those that settings name.
pub fn read(settings: &Settings) -> Result<ErrorPages> {
    let mut pages = ErrorPages {
        usual: match settings.error_default_type {
            settings::ErrorType::Plain => gateway::ErrorType::Plain,
            settings::ErrorType::Json => gateway::ErrorType::Json,
            settings::ErrorType::Xml => gateway::ErrorType::Xml,
            settings::ErrorType::Html => gateway::ErrorType::Html,
        },
        ..ErrorPages::default()
    };
    for (name, path, page) in [
        (
            "error_template_html",
            &settings.error_template_html,
            &mut pages.html,
        ),
        (
            "error_template_json",
            &settings.error_template_json,
            &mut pages.json,
        ),
        (
            "error_template_plain",
            &settings.error_template_plain,
            &mut pages.plain,
        ),
        ("error_template_xml", &settings.error_template_xml, &mut pages.xml),
    ] {
        if let Some(path) = path {
            let template = template(&settings.data_dir.join(path));
            *page = template.with_context(|| format!("{name} = {}", path.display()))?;
        }
    }
    Ok(pages)
}

fn template(path: &Path) -> Result<ErrorTemplate> {
    let mut text = Vec::new();
    // One byte more tells a page that is too long from one that just fits, and no device is read to its end.
    let most = ERROR_TEMPLATE_MAX_BYTES as u64 + 1;
    let file = File::open(path).context("the file cannot be opened")?;
    let read = file.take(most).read_to_end(&mut text);
    read.context("the file cannot be read")?;
    let Ok(text) = String::from_utf8(text) else {
        bail!("the file is not in UTF-8");
    };
    Ok(text.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use troop_settings::{Sources, load};

    /// What comes of a file with this content as the page in HTML.
    fn check(content: Option<&[u8]>, expected: Result<(), &str>) {
        let folder = tempfile::tempdir().expect("a folder");
        if let Some(content) = content {
            std::fs::write(folder.path().join("page.html"), content).expect("a file");
        }
        let mut settings = load(&Sources::default()).expect("the defaults").settings;
        settings.data_dir = folder.path().to_owned();
        settings.error_template_html = Some("page.html".into());
        let outcome = read(&settings).map_err(|error| format!("{error:#}"));
        match (outcome, expected) {
            (Ok(pages), Ok(())) => assert_ne!(pages.html, ErrorPages::default().html),
            (Err(problem), Err(part)) => {
                assert!(
                    problem.starts_with("error_template_html = page.html: "),
                    "{problem}"
                );
                assert!(problem.contains(part), "{problem}");
            }
            (outcome, expected) => panic!("{outcome:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_page_is_a_file_that_can_be_filled_in() {
        check(Some(b"<h1>%s</h1>"), Ok(()));
        check(None, Err("cannot be opened"));
        check(Some(b"\xff%s"), Err("not in UTF-8"));
        check(Some(b"<td width=\"50%\">"), Err("line 1: a percent sign"));
        check(Some(&vec![b'x'; 1 << 20]), Err("is longer than 65536 bytes"));
    }
}
