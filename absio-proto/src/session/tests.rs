use super::*;
use crate::crypto::test_entropy::TestEntropy;
use crate::model::Timestamp;
use zeroize::ZeroizeOnDrop;

fn user(seed: u8) -> User {
    KeyRing::generate(&mut TestEntropy::new(seed.into()), Timestamp::from_millis(1_000)).unwrap().into()
}

fn session() -> Session {
    Session::new(Config::new(ApiKey::from_bytes([1; 16]), "http://localhost").unwrap())
}

fn at(seconds: u64) -> Now {
    Now { utc: Timestamp::from_millis(seconds * 1000), monotonic: Duration::from_secs(seconds) }
}

#[test]
fn s015_signing_out_drops_the_last_hold_on_the_keys_which_wipes_them() {
    fn wiped_when_dropped<T: ZeroizeOnDrop>() {}
    wiped_when_dropped::<crate::crypto::Secret<32>>();
    wiped_when_dropped::<zeroize::Zeroizing<Vec<u8>>>();
    let mut session = session();
    let alice = user(1);
    let held = Arc::downgrade(&alice.0);
    session.sign_in(alice);
    session.set_token(vec![7; 32], Duration::from_secs(600), at(0));
    assert!(held.upgrade().is_some() && session.token(at(1)).is_some());
    let generation = session.generation();
    session.sign_out();
    assert!(held.upgrade().is_none(), "nothing else holds them");
    assert!(session.user().is_none() && session.token(at(1)).is_none());
    assert_ne!(session.generation(), generation, "operations under way notice");
}

#[test]
fn s016_another_user_takes_the_place_of_the_first_whole() {
    let mut session = session();
    let alice = user(1);
    let held = Arc::downgrade(&alice.0);
    session.sign_in(alice);
    session.set_token(vec![7; 32], Duration::from_secs(600), at(0));
    session.sign_in(user(2));
    assert!(held.upgrade().is_none() && session.token(at(1)).is_none() && session.heads.is_empty());
}

#[test]
fn tokens_are_used_until_shortly_before_their_end() {
    let mut session = session();
    session.set_token(vec![1], Duration::from_secs(100), at(10));
    assert!(session.token(at(79)).is_some());
    assert!(session.token(at(80)).is_none());
    // A server cannot make one last, nor one that is over at once do harm.
    session.set_token(vec![1], Duration::MAX, at(10));
    assert!(session.token(at(3_579)).is_some() && session.token(at(3_580)).is_none());
    session.set_token(vec![1], Duration::ZERO, at(10));
    assert!(session.token(at(10)).is_none());
}

#[test]
fn s060_cursors_only_move_forwards() {
    let mut session = session();
    let (id, filter) = (user(1).id(), EventFilter::default());
    session.advance_cursor(id, filter.clone(), 7);
    session.advance_cursor(id, filter.clone(), 3);
    assert_eq!(session.cursor(id, &filter), 7);
    assert_eq!(session.cursor(user(2).id(), &filter), 0);
}
