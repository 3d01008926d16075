//! Fair over repeated calls.

use backstay_core::future::poll_now;
use backstay_core::select::{
    OneOf2, OneOf3, OneOf4, OneOf8, Turn, select2, select3, select4, select5, select6, select7, select8,
};
use futures::executor::block_on;
use proptest::prelude::*;
use std::future::{pending, ready};

/// Ready with its number, or never.
async fn arm(number: usize, is_ready: &[bool]) -> usize {
    if !is_ready[number] {
        pending::<()>().await;
    }
    number
}

/// Who of four wins, by number, if these are ready.
fn winner(turn: &mut Turn, is_ready: [bool; 4]) -> Option<usize> {
    let arm = |number| arm(number, &is_ready);
    let select = select4(arm(0), arm(1), arm(2), arm(3)).rotate(turn);
    block_on(poll_now(select)).map(OneOf4::into_inner)
}

/// Who of eight.
fn winner_of_eight(turn: &mut Turn<8>, is_ready: [bool; 8]) -> Option<usize> {
    let arm = |number| arm(number, &is_ready);
    let select = select8(arm(0), arm(1), arm(2), arm(3), arm(4), arm(5), arm(6), arm(7)).rotate(turn);
    block_on(poll_now(select)).map(OneOf8::into_inner)
}

#[test]
fn of_arms_that_are_always_ready_each_wins_its_share_exactly() {
    block_on(async {
        let (mut turn, mut wins) = (Turn::new(), [0; 4]);
        for _ in 0..400 {
            wins[select2(ready(0), ready(1)).rotate(&mut turn).await.into_inner()] += 1;
        }
        assert_eq!(wins, [200, 200, 0, 0]);

        let (mut turn, mut wins) = (Turn::new(), [0; 4]);
        for _ in 0..600 {
            wins[select3(ready(0), ready(1), ready(2)).rotate(&mut turn).await.into_inner()] += 1;
        }
        assert_eq!(wins, [200, 200, 200, 0]);

        let (mut turn, mut order) = (Turn::new(), Vec::new());
        let arm = ready::<usize>;
        for _ in 0..2 {
            order.push(select5(arm(0), arm(1), arm(2), arm(3), arm(4)).rotate(&mut turn).await.into_inner());
            let six = select6(arm(0), arm(1), arm(2), arm(3), arm(4), arm(5));
            order.push(six.rotate(&mut turn).await.into_inner());
            let seven = select7(arm(0), arm(1), arm(2), arm(3), arm(4), arm(5), arm(6));
            order.push(seven.rotate(&mut turn).await.into_inner());
        }
        assert_eq!(order, [0, 1, 2, 3, 4, 5]);
    });

    let (mut turn, mut order) = (Turn::new(), Vec::new());
    for _ in 0..8 {
        order.extend(winner(&mut turn, [true; 4]));
    }
    assert_eq!(order, [0, 1, 2, 3, 0, 1, 2, 3]);
}

#[test]
fn without_a_turn_the_first_always_wins() {
    block_on(async {
        for _ in 0..100 {
            assert_eq!(select2(ready(0), ready(1)).await, OneOf2::First(0));
            assert_eq!(select3(pending::<()>(), ready(1), ready(2)).await, OneOf3::Second(1));
        }
    });
}

#[test]
fn of_arms_that_are_ready_as_often_each_wins_as_often() {
    // A generator of its own, with a fixed seed: splitmix64.
    let mut state = 42_u64;
    let mut random = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let (mut turn, mut wins, mut rounds) = (Turn::new(), [0_u32; 4], 0_u32);
    for _ in 0..40_000 {
        let bits = random();
        let won = winner(&mut turn, [0, 1, 2, 3].map(|number| bits & (1 << number) != 0));
        if let Some(won) = won {
            wins[won] += 1;
            rounds += 1;
        }
    }
    let share = f64::from(rounds) / 4.0;
    let five_sigma = 5.0 * (share * 0.75).sqrt();
    for won in wins {
        assert!((f64::from(won) - share).abs() <= five_sigma, "{wins:?} of {rounds}");
    }
}

/// The model: a list, from which the first that is ready goes to the end.
fn as_the_model<const ARMS: usize>(
    rounds: Vec<[bool; ARMS]>,
    winner: impl Fn(&mut Turn<ARMS>, [bool; ARMS]) -> Option<usize>,
) -> Result<(), TestCaseError> {
    let (mut turn, mut model) = (Turn::new(), (0..ARMS).collect::<Vec<_>>());
    let mut waited = [0_usize; ARMS];
    for is_ready in rounds {
        let expected = model.iter().position(|&number: &usize| is_ready[number]);
        let won = winner(&mut turn, is_ready);
        prop_assert_eq!(won, expected.map(|place| model[place]));
        if let Some(place) = expected {
            let number = model.remove(place);
            model.push(number);
        }
        for number in 0..ARMS {
            waited[number] = if is_ready[number] && won != Some(number) { waited[number] + 1 } else { 0 };
            prop_assert!(waited[number] < ARMS, "ready at so many calls in a row, and has not won");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn whose_last_win_is_longest_ago_wins(rounds in prop::collection::vec(any::<[bool; 4]>(), 1..60)) {
        as_the_model(rounds, winner)?;
    }

    #[test]
    fn of_eight_too(rounds in prop::collection::vec(any::<[bool; 8]>(), 1..60)) {
        as_the_model(rounds, winner_of_eight)?;
    }

    /// One that has fewer arms skips those that it does not have.
    #[test]
    fn a_turn_may_be_of_another_select(before in prop::collection::vec(any::<[bool; 4]>(), 0..20)) {
        let mut turn = Turn::default();
        for is_ready in before {
            winner(&mut turn, is_ready);
        }
        let mut pair = || block_on(select2(ready(0), ready(1)).rotate(&mut turn)).into_inner();
        let first = pair();
        prop_assert_eq!([pair(), pair(), pair()], [1 - first, first, 1 - first]);
    }
}
