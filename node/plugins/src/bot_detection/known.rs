//! Robots that are known by name.
//!
//! Kong's own list is not taken over: these are the names and habits it is known to refuse, in our words. A name counts
//! where a product name stands, followed by a version, so that a browser which merely mentions one is not mistaken for it.

use regex::RegexSet;
use std::sync::LazyLock;

/// Habits that give a robot away.
const HABITS: [&str; 8] = [
    // Link previews of social networks, monitors.
    r"facebookexternalhit/\d",
    r"Google.*/\+/web/snippet",
    r"Pingdom\.com_bot_version_\d",
    r"\b(?:Twitterbot|LinkedInBot|Slackbot|TelegramBot|Discordbot|WhatsApp)[/ ]\d",
    // Search engines.
    r"\b(?:Googlebot|bingbot|Baiduspider|YandexBot|Yahoo! Slurp|DuckDuckBot|Applebot|PetalBot|SemrushBot|AhrefsBot|MJ12bot|DotBot)\b",
    // Libraries that speak for programs, not for people.
    r"\b(?:Python-urllib|Go-http-client|okhttp|axios|Apache-HttpClient|Java|libwww-perl|scalaj-http|Scrapy|Jakarta Commons-HttpClient)/v?\d",
    // Whoever calls itself what it is.
    r"\b[A-Za-z0-9_-]*(?:[Bb]ot|[Ss]pider|[Cc]rawler|[Ss]craper|[Ii]ndexer|[Aa]rchiver)[ /-]v?\d",
    // Old hands of the trade.
    r"\b(?:Nutch|ia_archiver|WebZIP|WebCrunch|YahooSeeker|heritrix|Wget|grub-client)[ /-]v?\d",
];

static KNOWN: LazyLock<RegexSet> =
    LazyLock::new(|| RegexSet::new(HABITS).expect("invariant: the habits are regular expressions"));

/// Whether a user agent is a known robot.
pub(super) fn is_known(agent: &str) -> bool {
    KNOWN.is_match(agent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn robots_are_known_and_browsers_and_tools_are_not() {
        for (agent, known) in [
            (
                "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
                true,
            ),
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                true,
            ),
            ("facebookexternalhit/1.1", true),
            ("Scrapy/2.5.0 (+https://scrapy.org)", true),
            ("okhttp/4.9.1", true),
            ("Go-http-client/1.1", true),
            ("Python-urllib/3.9", true),
            ("axios/0.21.1", true),
            ("SomeCrawler/1.0", true),
            ("curl/8.0.1", false),
            ("python-requests/2.31", false),
            ("HTTrack/3.0", false),
            ("ApacheBench/2.3", false),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
                false,
            ),
            ("robotics-shop 1", false),
            ("", false),
        ] {
            assert_eq!(is_known(agent), known, "{agent}");
        }
    }
}
