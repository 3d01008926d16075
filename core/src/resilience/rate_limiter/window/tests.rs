use super::*;
use proptest::prelude::*;

#[test]
fn what_is_taken_comes_back_when_its_window_has_passed() {
    let mut window = Window::new(3, 100);
    assert_eq!(window.take(2, 10), Some(110));
    assert_eq!(window.take(1, 50), Some(150));
    assert_eq!((window.available(109), window.available(110), window.available(150)), (0, 2, 3));
    assert_eq!(
        (window.when(0, 1), window.when(0, 3), window.when(1, 2), window.when(3, 1)),
        (110, 150, 150, 210)
    );
    assert_eq!(window.take(3, 149), None);
    assert_eq!(window.take(3, 150), Some(250));
}

#[test]
fn what_was_promised_keeps_others_out_until_its_window_has_passed() {
    let mut window = Window::new(2, 100);
    assert_eq!(window.take(2, 0), Some(100));
    assert_eq!(window.promise(1, 5), (100, 200));
    assert_eq!(window.promise(2, 5), (200, 300));
    assert_eq!(window.later_than(5), (200, 2));
    assert_eq!(window.take(1, 299), None);
    window.give_back(2, 300);
    assert_eq!(window.take(1, 199), None, "not earlier than what was promised before");
    assert_eq!(window.take(1, 200), Some(300));
}

#[test]
fn promises_come_in_their_order() {
    let mut window = Window::new(3, 100);
    assert_eq!((window.take(2, 0), window.take(1, 50)), (Some(100), Some(150)));
    assert_eq!((window.promise(1, 60), window.promise(2, 60)), ((100, 200), (150, 250)));
    window.give_back(1, 200);
    assert_eq!(window.promise(1, 60).0, 150, "though there is one for 100");
}

#[test]
fn what_is_given_back_hides_nobody_who_was_promised_a_place_since() {
    let mut window = Window::new(2, 100);
    assert_eq!((window.take(1, 6), window.take(1, 6)), (Some(106), Some(106)));
    assert_eq!(window.promise(1, 29), (106, 206));
    // One of the first two goes, and the third: what is left is the other of the first.
    window.give_back(1, 106);
    window.give_back(1, 206);
    assert_eq!(window.take(2, 105), None);
    assert_eq!(window.take(2, 106), Some(206));
}

#[test]
fn shrunk_and_grown_it_forgets_nothing() {
    let mut window = Window::new(3, 100);
    assert_eq!(window.take(3, 7), Some(107));
    window.resize(1, 100);
    window.resize(5, 200);
    // Of five, three were taken; which two were not is forgotten.
    assert_eq!((window.available(206), window.available(207)), (0, 5));
}

#[test]
fn the_same_limit_again_is_the_same() {
    let mut window = Window::new(1, 10);
    assert!(window.take(1, 0).is_some());
    window.resize(1, 10);
    window.resize(2, 10);
    assert_eq!(window.available(0), 1, "one more, and that was never taken");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn no_window_has_more(
        permits in 1..6_usize,
        steps in proptest::collection::vec((1..6_u64, 0..60_u64, 0..4_u8), 1..80),
    ) {
        let mut window = Window::new(permits, 100);
        let (mut now, mut used) = (0, Vec::new());
        for (n, step, what) in steps {
            now += step;
            if n > permits as u64 {
                continue;
            }
            match what {
                0 => {
                    let (ready, _) = window.promise(n, now);
                    used.extend((0..n).map(|_| ready));
                }
                1 => {
                    let before = window.available(now);
                    let (_, end) = window.promise(n, now);
                    window.give_back(n, end);
                    prop_assert!(window.available(now) <= before);
                }
                _ if window.take(n, now).is_some() => used.extend((0..n).map(|_| now)),
                _ => {
                    let at = window.when(0, n);
                    prop_assert!(at > now);
                    prop_assert!(window.clone().take(n, at - 1).is_none());
                    prop_assert!(window.clone().take(n, at).is_some());
                }
            }
        }
        used.sort_unstable();
        for many in used.windows(permits + 1) {
            prop_assert!(many[permits] - many[0] >= 100, "{used:?}");
        }
    }
}
