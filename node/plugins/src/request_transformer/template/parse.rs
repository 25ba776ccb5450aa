//! Reading an expression: words first, then what binds them, the loosest last.

use super::expression::{Expression, Root, Value};

/// Deeper nesting than anybody writes by hand; parsing and evaluating recurse this deep at most.
const NESTING_MAX: usize = 32;

/// More words than anybody writes by hand: chains of `or` recurse as deep as they are long.
const WORDS_MAX: usize = 256;

/// Reads what stands in a hole.
pub(super) fn expression(text: &str) -> Result<Expression, String> {
    let words = words(text)?;
    if words.len() > WORDS_MAX {
        return Err(format!("more than {WORDS_MAX} words"));
    }
    let mut reader = Reader {
        words,
        at: 0,
        depth: 0,
    };
    let expression = reader.or()?;
    match reader.next() {
        None => Ok(expression),
        Some(word) => Err(format!("'{}' is not expected here", word.shown())),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Word {
    Name(String),
    Text(String),
    Number(String),
    Sign(&'static str),
}

impl Word {
    fn shown(&self) -> &str {
        match self {
            Word::Name(text) | Word::Text(text) | Word::Number(text) => text,
            Word::Sign(sign) => sign,
        }
    }
}

const SIGNS: [&str; 8] = ["..", "==", "~=", ".", "[", "]", "(", ")"];

fn words(text: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = if first.is_ascii_alphabetic() || first == '_' {
            let taken = span(rest, |c| c.is_ascii_alphanumeric() || c == '_');
            words.push(Word::Name(rest[..taken].to_owned()));
            taken
        } else if first.is_ascii_digit() {
            let taken = span(rest, |c| c.is_ascii_digit());
            words.push(Word::Number(rest[..taken].to_owned()));
            taken
        } else if first == '\'' || first == '"' {
            let (text, taken) = quoted(rest, first)?;
            words.push(Word::Text(text));
            taken
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
            let sign = sign.ok_or_else(|| format!("'{first}' is not supported"))?;
            words.push(Word::Sign(sign));
            sign.len()
        };
        rest = rest[taken..].trim_start();
    }
    Ok(words)
}

fn span(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// A text between quotes, and how many bytes it took.
fn quoted(text: &str, quote: char) -> Result<(String, usize), String> {
    let mut out = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, 't')) => out.push('\t'),
                Some((_, other)) => out.push(other),
                None => break,
            },
            end if end == quote => return Ok((out, at + 1)),
            other => out.push(other),
        }
    }
    Err("a text has no end".to_owned())
}

struct Reader {
    words: Vec<Word>,
    at: usize,
    depth: usize,
}

type Parsed = Result<Expression, String>;

impl Reader {
    fn next(&mut self) -> Option<Word> {
        let word = self.words.get(self.at).cloned();
        self.at += 1;
        word
    }

    fn takes(&mut self, word: &Word) -> bool {
        let there = self.words.get(self.at) == Some(word);
        if there {
            self.at += 1;
        }
        there
    }

    fn takes_sign(&mut self, sign: &'static str) -> bool {
        self.takes(&Word::Sign(sign))
    }

    fn takes_name(&mut self, name: &str) -> bool {
        self.takes(&Word::Name(name.to_owned()))
    }

    fn or(&mut self) -> Parsed {
        let mut left = self.and()?;
        while self.takes_name("or") {
            left = Expression::Or(left.into(), self.and()?.into());
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed {
        let mut left = self.equal()?;
        while self.takes_name("and") {
            left = Expression::And(left.into(), self.equal()?.into());
        }
        Ok(left)
    }

    fn equal(&mut self) -> Parsed {
        let left = self.join()?;
        if self.takes_sign("==") {
            return Ok(Expression::Equal(left.into(), self.join()?.into()));
        }
        if self.takes_sign("~=") {
            let same = Expression::Equal(left.into(), self.join()?.into());
            return Ok(Expression::Not(same.into()));
        }
        Ok(left)
    }

    fn join(&mut self) -> Parsed {
        let mut left = self.not()?;
        while self.takes_sign("..") {
            left = Expression::Join(left.into(), self.not()?.into());
        }
        Ok(left)
    }

    fn not(&mut self) -> Parsed {
        if !self.takes_name("not") {
            return self.single();
        }
        self.deeper(|reader| Ok(Expression::Not(reader.not()?.into())))
    }

    fn single(&mut self) -> Parsed {
        match self.next() {
            Some(Word::Text(text) | Word::Number(text)) => Ok(Expression::Literal(Value::Text(text))),
            Some(Word::Sign("(")) => self.deeper(|reader| {
                let inside = reader.or()?;
                if reader.takes_sign(")") {
                    Ok(inside)
                } else {
                    Err("a parenthesis is not closed".to_owned())
                }
            }),
            Some(Word::Name(name)) => self.named(&name),
            Some(word) => Err(format!("'{}' is not expected here", word.shown())),
            None => Err("the expression ends too early".to_owned()),
        }
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        if self.depth == NESTING_MAX {
            return Err(format!("nested more than {NESTING_MAX} deep"));
        }
        self.depth += 1;
        let inside = read(self);
        self.depth -= 1;
        inside
    }

    fn named(&mut self, name: &str) -> Parsed {
        let root = match name {
            "nil" => return Ok(Expression::Literal(Value::Nil)),
            "true" => return Ok(Expression::Literal(Value::Flag(true))),
            "false" => return Ok(Expression::Literal(Value::Flag(false))),
            "headers" => Root::Headers,
            "query_params" => Root::Query,
            "uri_captures" => Root::Captures,
            "shared" => Root::Shared,
            other => return Err(format!("there is no '{other}'")),
        };
        let member = if self.takes_sign(".") {
            match self.next() {
                Some(Word::Name(member)) => member,
                _ => return Err(format!("'{name}.' needs a name")),
            }
        } else if self.takes_sign("[") {
            match (self.next(), self.next()) {
                (Some(Word::Text(member) | Word::Number(member)), Some(Word::Sign("]"))) => member,
                _ => return Err(format!("'{name}[' needs a name in quotes or a number")),
            }
        } else {
            return Err(format!("'{name}' needs a name behind it"));
        };
        Ok(Expression::Look(root, member))
    }
}
