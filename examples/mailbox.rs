//! Recipe S.1: request and response between tasks. An account that one task owns, and tellers that ask it.
//!
//!     cargo run -p backstay-examples --example mailbox -- --runtime smol

use backstay::task::{CallError, Inbox, Mailbox, Reply, mailbox};
use backstay::{AnyRuntime, JoinHandle, Limit, Runtime};
use backstay_examples::{Outcome, run};
use std::process::ExitCode;
use std::time::Duration;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What the account can be asked for: each call has its own type of answer.
enum Request {
    Deposit(u64),
    Withdraw {
        amount: u64,
        reply: Reply<Result<u64, Insufficient>>,
    },
    Balance(Reply<u64>),
    /// Takes long: answered by a task of its own.
    Audit(Reply<String>),
}

#[derive(Debug)]
struct Insufficient {
    missing: u64,
}

/// The actor: one task owns the balance, so that nothing has to be locked.
async fn account(rt: AnyRuntime, mut inbox: Inbox<Request>) -> u64 {
    let mut balance = 0;
    while let Some(request) = inbox.recv().await {
        match request {
            Request::Deposit(amount) => balance += amount,
            Request::Withdraw { amount, reply } => {
                // Nobody waits any more, so nothing is paid out.
                if reply.is_closed() {
                    continue;
                }
                let answer = match u64::checked_sub(balance, amount) {
                    Some(rest) => Ok(rest),
                    None => Err(Insufficient { missing: amount - balance }),
                };
                balance = *answer.as_ref().unwrap_or(&balance);
                drop(reply.send(answer));
            }
            Request::Balance(reply) => drop(reply.send(balance)),
            Request::Audit(reply) => {
                let nap = rt.sleep(ms(200));
                rt.spawn(async move {
                    nap.await;
                    drop(reply.send(format!("{balance} at the time of asking")));
                })
                .detach();
            }
        }
    }
    balance
}

/// Pays in and out, and is answered each time.
async fn teller(account: Mailbox<Request>, rounds: u64) -> Result<u64, CallError<Request>> {
    let mut refused = 0;
    for round in 1..=rounds {
        if account.cast(Request::Deposit(round)).await.is_err() {
            return Err(CallError::NoReply);
        }
        match account.call(|reply| Request::Withdraw { amount: 2 * round, reply }).await? {
            Ok(_rest) => {}
            Err(Insufficient { missing }) => {
                assert!(missing > 0);
                refused += 1;
            }
        }
    }
    Ok(refused)
}

/// Calls and casts of many, to one.
async fn calls(rt: &AnyRuntime) -> Outcome {
    let (mailbox, inbox) = mailbox(Limit::new(4)?);
    let actor = rt.spawn(account(rt.clone(), inbox));
    mailbox.cast(Request::Deposit(10)).await?;
    let tellers: Vec<_> = (0..3).map(|_| rt.spawn(teller(mailbox.clone(), 5))).collect();
    let mut refused = 0;
    for teller in tellers {
        refused += teller.await??;
    }
    assert!(refused > 0, "more is asked for than there is");
    let balance = mailbox.call(Request::Balance).await?;
    println!("S.1 call         the balance is {balance}, {refused} refused");

    // The account goes on while it is audited.
    let (audit, balance) = futures::join!(mailbox.call(Request::Audit), mailbox.call(Request::Balance));
    println!("S.1 elsewhere    {}, then {}", audit?, balance?);

    match mailbox.call_timeout(rt, ms(5), Request::Audit).await {
        Err(CallError::TimedOut { undelivered: None }) => {
            println!("S.1 timeout      the audit took too long")
        }
        other => return Err(format!("an audit takes longer: {other:?}").into()),
    }
    drop(mailbox); // the last one
    println!("S.1 the end      {} is left", actor.await?);
    Ok(())
}

/// An actor that ends is an error for those who call it, and no hang.
async fn the_end(rt: &AnyRuntime) -> Outcome {
    let (mailbox, mut inbox) = mailbox::<Reply<u64>>(Limit::ONE);
    let actor = rt.spawn(async move {
        let _asked = inbox.recv().await;
        // Ends without an answer.
    });
    let error = mailbox.call(|reply| reply).await.unwrap_err();
    println!("S.1 no reply     {error}");
    actor.await?;
    mailbox.closed().await;
    let error = mailbox.call(|reply| reply).await.unwrap_err();
    println!("S.1 closed       {error}");
    assert!(error.into_undelivered().is_some(), "the request comes back");
    Ok(())
}

fn main() -> ExitCode {
    run(async |rt| {
        calls(&rt).await?;
        the_end(&rt).await
    })
}
