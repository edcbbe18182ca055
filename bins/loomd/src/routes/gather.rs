//! [`Gather`]: what is said together.
//!
//! The first thing after a silence is said at once. While many read along, what follows it is gathered
//! during a [`pause`] and said as one, so that a thousand readers cost some writes a second each,
//! however busy the tasks are.

use futures_util::stream::Fuse;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use std::time::Duration;

/// So few streams cost nothing that anybody would notice.
const FEW: usize = 32;

/// So many wait as long as any number does.
const MANY: u32 = 1_000;

/// Bytes that are said together, and one thing more: enough for one write, and no weight on memory.
const ENOUGH: usize = 64 * 1024;

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
    /// How long what follows is gathered.
    pause: P,
    /// Whether something was said since the last pause.
    has_spoken: bool,
}

impl<S, P> Gather<S, P>
where
    S: Stream<Item: Weight> + Unpin,
    P: Fn() -> Duration,
{
    pub(super) fn new(things: S, pause: P) -> Self {
        Self {
            things: things.fuse(),
            pause,
            has_spoken: false,
        }
    }

    /// What is said next, one thing at least; none when there is nothing more. Nothing is lost when
    /// nobody waits for it to the end.
    pub(super) async fn next(&mut self) -> Option<Vec<S::Item>> {
        let first = match self.things.next().now_or_never() {
            Some(first) => first?,
            None => {
                if self.has_spoken {
                    let pause = (self.pause)();
                    if !pause.is_zero() {
                        tokio::time::sleep(pause).await;
                    }
                    self.has_spoken = false;
                }
                self.things.next().await?
            }
        };
        self.has_spoken = true;
        let mut size = first.bytes();
        let mut together = vec![first];
        while size < ENOUGH
            && let Some(Some(thing)) = self.things.next().now_or_never()
        {
            size += thing.bytes();
            together.push(thing);
        }
        Some(together)
    }
}

/// How long a stream that has just said something gathers before it speaks again. Each further stream
/// adds its share, so that all together write no more often than [`MANY`] that wait the longest.
pub(crate) fn pause(streams: usize, longest: Duration) -> Duration {
    if streams <= FEW {
        return Duration::ZERO;
    }
    let streams = u32::try_from(streams).unwrap_or(u32::MAX);
    (longest / MANY).saturating_mul(streams).min(longest)
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
        Gather<impl Stream<Item = u64> + Unpin, impl Fn() -> Duration>,
    ) {
        let (say, mut said) = unbounded_channel();
        let things = stream::poll_fn(move |cx| said.poll_recv(cx));
        (say, Gather::new(things, move || pause))
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

    #[tokio::test]
    async fn what_is_said_together_has_a_bound() {
        let large: &str = "x".repeat(ENOUGH / 2 + 1).leak();
        let mut gather = Gather::new(stream::iter([large; 5]), || PAUSE);
        let mut sizes = Vec::new();
        while let Some(together) = gather.next().await {
            sizes.push(together.len());
        }
        assert_eq!(sizes, [2, 2, 1]);
    }

    #[test]
    fn few_streams_never_wait_and_many_share_the_writes_out() {
        assert_eq!(pause(1, PAUSE), Duration::ZERO);
        assert_eq!(pause(FEW, PAUSE), Duration::ZERO);
        for streams in [FEW + 1, 100, 1_000] {
            let writes = u128::from(streams as u64) * 1_000_000 / pause(streams, PAUSE).as_micros();
            assert_eq!(writes, 10_000, "{streams}");
        }
        assert_eq!(pause(usize::MAX, PAUSE), PAUSE);
    }
}
