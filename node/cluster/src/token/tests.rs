//! What a token tells, to whom, and how it is spent.

use super::*;

fn token() -> JoinToken {
    JoinToken::generate(Fingerprint::of_certificate(b"a certificate"))
}

fn row(token: &JoinToken, uses: u32) -> TokenRow {
    token.to_row(TokenTerms {
        role: Role::Voter,
        created_at_ms: 1_000,
        expires_at_ms: 2_000,
        uses,
    })
}

#[test]
fn its_text_is_read_back() {
    let token = token();
    let text = token.to_text().into_inner();
    for text in [text.clone(), format!("  {text}\n")] {
        let read: JoinToken = text.parse().unwrap();
        assert_eq!(read.id(), token.id());
        assert_eq!(read.ca(), token.ca());
        assert_eq!(read.secret().expose(), token.secret().expose());
    }
}

#[test]
fn a_text_that_is_no_token_says_what_is_wrong() {
    let check = |text: &str, error: TokenError| {
        assert_eq!(text.parse::<JoinToken>().err(), Some(error), "{text}");
    };
    let text = token().to_text().into_inner();
    let parts: Vec<&str> = text.split('.').collect();
    check("", TokenError::Prefix);
    check("K10::server:abc", TokenError::Prefix);
    check(&text.replace("troop1", "troop2"), TokenError::Prefix);
    check(&parts[..3].join("."), TokenError::Parts(3));
    check(&format!("{text}.x"), TokenError::Parts(5));
    check(
        &format!("troop1.x.{}.{}", parts[2], parts[3]),
        TokenError::Part("id"),
    );
    check(
        &format!("troop1.{}.x.{}", parts[1], parts[3]),
        TokenError::Part("secret"),
    );
    check(&text[..text.len() - 1], TokenError::Part("fingerprint"));
}

#[test]
fn each_use_is_counted_and_the_last_one_closes_it() {
    let token = token();
    let secret = token.secret().expose();
    let once = row(&token, 2).redeem(secret, 1_500).unwrap();
    assert_eq!(once.uses_left(), 1);
    let twice = once.redeem(secret, 1_500).unwrap();
    assert_eq!(twice.redeem(secret, 1_500), Err(TokenRefusal::Used));
}

#[test]
fn it_ends_at_its_expiry_to_the_millisecond() {
    let token = token();
    let row = row(&token, 1);
    assert!(row.redeem(token.secret().expose(), 1_999).is_ok());
    assert_eq!(
        row.redeem(token.secret().expose(), 2_000),
        Err(TokenRefusal::Expired)
    );
}

#[test]
fn a_wrong_secret_learns_nothing_of_expiry_or_use() {
    let row = row(&token(), 0);
    for secret in [&[0; SECRET_BYTES][..], b"", b"short"] {
        assert_eq!(row.redeem(secret, 9_999), Err(TokenRefusal::WrongSecret));
    }
}

#[test]
fn its_row_is_read_back_and_holds_no_secret() {
    let token = token();
    let row = row(&token, 3);
    let bytes = row.to_bytes();
    assert_eq!(TokenRow::from_bytes(&bytes), Ok(row));
    assert!(!bytes.windows(SECRET_BYTES).any(|w| w == token.secret().expose()));
}

#[test]
fn the_bytes_of_a_row_are_those_of_the_first_release() {
    let row = TokenRow {
        secret_sha256: [0xab; 32],
        role: Role::Learner,
        created_at_ms: 1,
        expires_at_ms: 2,
        uses_left: 3,
    };
    let mut golden = vec![1];
    golden.extend([0xab; 32]);
    golden.extend([1, 0, 0, 0]);
    golden.extend([1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0]);
    assert_eq!(row.to_bytes(), golden);
}

#[test]
fn a_row_of_a_newer_program_or_a_damaged_one_is_refused() {
    let mut bytes = row(&token(), 3).to_bytes();
    assert!(matches!(
        TokenRow::from_bytes(&bytes[..9]),
        Err(TokenError::Damaged(_))
    ));
    bytes[0] = 2;
    assert_eq!(
        TokenRow::from_bytes(&bytes),
        Err(TokenError::NewerFormat { found: 2 })
    );
}

#[test]
fn debug_shows_no_secret() {
    let token = token();
    let text = token.to_text().into_inner();
    let secret = text.split('.').nth(2).unwrap();
    for shown in [format!("{token:?}"), format!("{:?}", row(&token, 1))] {
        assert!(!shown.contains(secret), "{shown}");
        assert!(
            !shown.contains(&format!("{:?}", token.secret().expose())),
            "{shown}"
        );
    }
}

#[test]
fn roles_have_one_word_each() {
    assert_eq!("voter".parse(), Ok(Role::Voter));
    assert_eq!("learner".parse(), Ok(Role::Learner));
    assert_eq!("Voter".parse::<Role>(), Err(NotARole("Voter".into())));
}
