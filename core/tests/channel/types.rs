//! `Send`, `Sync` and `Unpin` of the public types are part of the interface.

use backstay_core::channel::{
    Closed, SendError, TryRecvError, TrySendError, broadcast, mpsc, oneshot, watch,
};
use std::cell::Cell;
use std::error::Error;
use std::rc::Rc;

/// Whether a type has a trait, also where the compiler would refuse to compile a bound.
macro_rules! has {
    ($type:ty: $trait:path) => {{
        #[allow(dead_code, reason = "not taken where the bound holds")]
        trait No {
            const HAS: bool = false;
        }
        impl<T: ?Sized> No for T {}
        struct Of<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code, reason = "not taken where the bound fails")]
        impl<T: ?Sized + $trait> Of<T> {
            const HAS: bool = true;
        }
        <Of<$type>>::HAS
    }};
}

/// `type: Send, Sync, Unpin` as they must be.
macro_rules! pinned {
    ($($type:ty: $send:literal $sync:literal $unpin:literal;)*) => {
        $(assert_eq!(
            (has!($type: Send), has!($type: Sync), has!($type: Unpin)),
            ($send, $sync, $unpin),
            stringify!($type),
        );)*
    };
}

fn error<E: Error + Send + Sync + 'static>() {}

#[test]
fn errors_are_errors() {
    error::<Closed>();
    error::<SendError<u32>>();
    error::<TrySendError<u32>>();
    error::<TryRecvError>();
    error::<mpsc::ReserveError>();
    error::<broadcast::Lagged>();
    error::<broadcast::RecvError>();
    error::<broadcast::TryRecvError>();
    assert_eq!(SendError(1).to_string(), "the channel is closed");
    assert_eq!(TrySendError::Full(1).to_string(), "the channel is full");
    assert_eq!(TrySendError::Closed(1).to_string(), "the channel is closed");
    assert_eq!(TryRecvError::Empty.to_string(), "the channel is empty");
    assert_eq!(TryRecvError::Closed.to_string(), "the channel is closed");
    let error = mpsc::ReserveError::TooMany { requested: 5, capacity: 4 };
    assert_eq!(error.to_string(), "5 places were asked for, and the channel has 4");
    assert_eq!(mpsc::ReserveError::Closed.to_string(), "the channel is closed");
    assert_eq!(
        format!("{:?} {:?}", SendError(Cell::new(1)), TrySendError::Full(1)),
        "SendError(..) Full(..)"
    );
}

#[test]
fn an_mpsc_channel_is_as_shareable_as_its_values_are_sendable() {
    type Local = Rc<()>;
    type Owned = Cell<u32>; // Send, not Sync
    pinned! {
        mpsc::Sender<Owned>: true true true;
        mpsc::Sender<Local>: false false true;
        mpsc::WeakSender<Owned>: true true true;
        mpsc::Receiver<Owned>: true true true;
        mpsc::Receiver<Local>: false false true;
        mpsc::Permit<'static, Owned>: true true true;
        mpsc::Permits<'static, Owned>: true true true;
        mpsc::OwnedPermit<Owned>: true true true;
        mpsc::SendFuture<'static, Owned>: true false true;
        mpsc::SendFuture<'static, u32>: true true true;
        mpsc::SendFuture<'static, Local>: false false true;
        mpsc::SendFuture<'static, std::marker::PhantomPinned>: true true true;
        mpsc::ReserveFuture<'static, Owned>: true true true;
        mpsc::ReserveManyFuture<'static, Owned>: true true true;
        mpsc::ReserveOwnedFuture<Owned>: true true true;
        mpsc::ClosedFuture<'static, Owned>: true true true;
        mpsc::RecvFuture<'static, Owned>: true true true;
        mpsc::RecvManyFuture<'static, Owned>: true false true;
        mpsc::RecvManyFuture<'static, u32>: true true true;
    }
}

#[test]
fn a_oneshot_channel_is_as_shareable_as_its_value_is_sendable() {
    pinned! {
        oneshot::Sender<Cell<u32>>: true true true;
        oneshot::Sender<Rc<()>>: false false true;
        oneshot::Receiver<Cell<u32>>: true true true;
        oneshot::Receiver<Rc<()>>: false false true;
        oneshot::Receiver<std::marker::PhantomPinned>: true true true;
        oneshot::ClosedFuture<'static, Cell<u32>>: true true true;
    }
}

#[test]
fn a_watch_channel_shares_its_value_and_is_as_shareable_as_that() {
    type Predicate = fn(&u32) -> bool;
    pinned! {
        watch::Sender<u32>: true true true;
        watch::Sender<Cell<u32>>: false false true;
        watch::Receiver<u32>: true true true;
        watch::Receiver<Cell<u32>>: false false true;
        watch::Ref<u32>: true true true;
        watch::Ref<Cell<u32>>: false false true;
        watch::ChangedFuture<'static, u32>: true true true;
        watch::WaitForFuture<'static, u32, Predicate>: true true true;
        watch::WaitForFuture<'static, u32, (Predicate, std::marker::PhantomPinned)>: true true true;
        watch::ClosedFuture<'static, u32>: true true true;
    }
}

#[test]
fn a_broadcast_channel_shares_its_values_and_is_as_shareable_as_those() {
    pinned! {
        broadcast::Sender<u32>: true true true;
        // Values are cloned by several receivers at once.
        broadcast::Sender<Cell<u32>>: false false true;
        broadcast::WaitingSender<u32>: true true true;
        broadcast::WaitingSender<Cell<u32>>: false false true;
        broadcast::Receiver<u32>: true true true;
        broadcast::Receiver<Cell<u32>>: false false true;
        broadcast::RecvFuture<'static, u32>: true true true;
        broadcast::SendFuture<'static, u32>: true true true;
        broadcast::SendFuture<'static, std::marker::PhantomPinned>: true true true;
    }
}
