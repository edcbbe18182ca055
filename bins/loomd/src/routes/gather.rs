//! [`Gather`]: what is said together.
//!
//! The first thing after a silence is said at once. While many read along, what follows it is gathered
//! during a [`pause`] and said as one, and who was told much has a longer one: a thousand readers cost
//! some writes a second each and a share of what this machine can copy, however busy the tasks are.
//! They are further behind then; the work is not.

use futures_util::stream::Fuse;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// So few streams cost nothing that anybody would notice.
const FEW: usize = 32;

/// So many wait as long as any number does.
const MANY: u32 = 1_000;

/// Bytes that all streams are sent in a microsecond, while there are many: half a gigabit a second. A task with
/// a real model says less even to a thousand; a burst comes later, and costs the work little.
const AT_MOST: u64 = 64;

/// Bytes that are said together, and one thing more: enough for one write, and in a crowd no burst that holds up the work.
const ENOUGH: usize = 16 * 1024;

/// Something with a size.
pub(super) trait Weight {
    /// About how many bytes it becomes.
    fn bytes(&self) -> usize;
}

/// What cannot be had weighs nothing.
impl<T: Weight, E> Weight for Result<T, E> {
    fn bytes(&self) -> usize {
        self.as_ref().map_or(0, T::bytes)
    }
}

/// Things in the groups in which they are said.
pub(super) struct Gather<S, P> {
    things: Fuse<S>,
    /// How long what follows so many bytes is gathered.
    pause: P,
    /// Until then it is gathered.
    quiet_until: Option<Instant>,
}

impl<S, P> Gather<S, P>
where
    S: Stream<Item: Weight> + Unpin,
    P: Fn(usize) -> Duration,
{
    pub(super) fn new(things: S, pause: P) -> Self {
        Self {
            things: things.fuse(),
            pause,
            quiet_until: None,
        }
    }

    /// What is said next, one thing at least; none when there is nothing more. Nothing is lost when
    /// nobody waits for it to the end.
    pub(super) async fn next(&mut self) -> Option<Vec<S::Item>> {
        if let Some(until) = self.quiet_until {
            sleep_until(until).await;
            self.quiet_until = None;
        }
        let first = self.things.next().await?;
        let mut size = first.bytes();
        let mut together = vec![first];
        while size < ENOUGH
            && let Some(Some(thing)) = self.things.next().now_or_never()
        {
            size += thing.bytes();
            together.push(thing);
        }
        let pause = (self.pause)(size);
        if !pause.is_zero() {
            self.quiet_until = Instant::now().checked_add(pause);
        }
        Some(together)
    }
}

/// How long a stream that has just said so many bytes gathers before it speaks again. Each further stream
/// adds its share, so that all together write no more often than [`MANY`] that wait the longest, and no
/// more bytes than [`AT_MOST`].
pub(crate) fn pause(streams: usize, bytes: usize, longest: Duration) -> Duration {
    if streams <= FEW {
        return Duration::ZERO;
    }
    let copied = u64::try_from(streams.saturating_mul(bytes)).unwrap_or(u64::MAX);
    let streams = u32::try_from(streams).unwrap_or(u32::MAX);
    let of_writes = (longest / MANY).saturating_mul(streams).min(longest);
    of_writes.max(Duration::from_micros(copied / AT_MOST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{poll, stream};
    use std::pin::pin;
    use std::task::Poll;
    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

    const PAUSE: Duration = Duration::from_millis(100);

    impl Weight for u64 {
        fn bytes(&self) -> usize {
            1
        }
    }

    impl Weight for &'static str {
        fn bytes(&self) -> usize {
            self.len()
        }
    }

    fn gathering(
        pause: Duration,
    ) -> (
        UnboundedSender<u64>,
        Gather<impl Stream<Item = u64> + Unpin, impl Fn(usize) -> Duration>,
    ) {
        let (say, mut said) = unbounded_channel();
        let things = stream::poll_fn(move |cx| said.poll_recv(cx));
        (say, Gather::new(things, move |_| pause))
    }

    #[tokio::test(start_paused = true)]
    async fn in_a_crowd_the_first_is_said_at_once_and_what_follows_together_after_the_pause() {
        let (say, mut gather) = gathering(PAUSE);
        say.send(1).unwrap();
        assert_eq!(gather.next().now_or_never(), Some(Some(vec![1])));
        {
            let mut next = pin!(gather.next());
            assert_eq!(poll!(&mut next), Poll::Pending);
            for n in 2..=40 {
                say.send(n).unwrap();
                assert_eq!(poll!(&mut next), Poll::Pending, "{n} is not gathered");
            }
            tokio::time::advance(PAUSE).await;
            assert_eq!(poll!(&mut next), Poll::Ready(Some((2..=40).collect())));
        }
        // After a silence that was long enough the next one is the first again.
        let mut next = pin!(gather.next());
        assert_eq!(poll!(&mut next), Poll::Pending);
        tokio::time::advance(PAUSE).await;
        assert_eq!(poll!(&mut next), Poll::Pending);
        say.send(41).unwrap();
        assert_eq!(poll!(&mut next), Poll::Ready(Some(vec![41])));
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_are_told_everything_at_once() {
        let (say, mut gather) = gathering(Duration::ZERO);
        for n in 1..=3 {
            let mut next = pin!(gather.next());
            assert_eq!(poll!(&mut next), Poll::Pending);
            say.send(n).unwrap();
            assert_eq!(poll!(&mut next), Poll::Ready(Some(vec![n])));
        }
        drop(say);
        assert_eq!(gather.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_said_together_has_a_bound_and_what_is_left_waits_as_well() {
        let large: &str = "x".repeat(ENOUGH / 2 + 1).leak();
        let begun = Instant::now();
        let mut gather = Gather::new(stream::iter([large; 5]), |bytes| {
            PAUSE * u32::try_from(bytes / large.len()).unwrap()
        });
        let mut said = Vec::new();
        while let Some(together) = gather.next().await {
            said.push((together.len(), begun.elapsed().as_millis()));
        }
        assert_eq!(said, [(2, 0), (2, 200), (1, 400)]);
    }

    #[test]
    fn few_streams_never_wait_and_many_share_the_writes_out() {
        assert_eq!(pause(1, ENOUGH, PAUSE), Duration::ZERO);
        assert_eq!(pause(FEW, usize::MAX, PAUSE), Duration::ZERO);
        for streams in [FEW + 1, 100, 1_000] {
            let pause = pause(streams, 1, PAUSE).as_micros();
            let writes = u128::from(streams as u64) * 1_000_000 / pause;
            assert_eq!(writes, 10_000, "{streams}");
        }
        assert_eq!(pause(1_000_000, 1, PAUSE), PAUSE);
    }

    #[test]
    fn many_streams_share_out_what_is_copied() {
        for streams in [FEW + 1, 100, 1_000] {
            let pause = pause(streams, 1024 * 1024, PAUSE).as_micros();
            let copied = u128::from(streams as u64) * 1024 * 1024 / pause;
            assert!(copied <= u128::from(AT_MOST), "{streams}: {copied}");
        }
        // What is more than can be counted is no panic.
        assert!(pause(usize::MAX, usize::MAX, PAUSE) > PAUSE);
    }
}
