//! What an API server may answer: so many bytes, and no watch that is over as soon as it has begun.
//!
//! kube reads a list, and each line of a watch, whole before it looks at it; and it takes a watch that ended up again at once.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use http::{Request, Response};
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep};
use tower::{BoxError, Layer, Service};

/// A page of a list has 500 objects.
const MAX_LIST_BYTES: usize = 64 << 20;
/// The most that etcd takes of an object is 1.5 MB.
const MAX_LINE_BYTES: usize = 8 << 20;
/// A watch that was over sooner looks as if it had lasted for this long.
const SHORTEST_WATCH: Duration = Duration::from_secs(1);

/// Bounds the answers of a client.
#[derive(Clone, Copy, Debug)]
pub struct BoundAnswers;

#[derive(Clone, Debug)]
pub struct BoundedService<S>(S);

impl<S> Layer<S> for BoundAnswers {
    type Service = BoundedService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BoundedService(inner)
    }
}

impl<S, Q, B> Service<Request<Q>> for BoundedService<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = Response<BoundedBody<B>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let is_watch = request.uri().query().is_some_and(|q| q.split('&').any(|p| p == "watch=true"));
        let answer = self.0.call(request);
        async move {
            let answer = answer.await?;
            let is_watch = is_watch && answer.status().is_success();
            Ok(answer.map(|body| if is_watch { BoundedBody::watch(body) } else { BoundedBody::whole(body) }))
        }
        .boxed()
    }
}

/// A body that ends with an error where it is too long.
pub struct BoundedBody<B> {
    body: B,
    bound: Bound,
    /// Bytes so far: of the whole, or of the line.
    bytes: usize,
    /// How it ended; told when `not_before` is over.
    end: Option<Result<(), BoxError>>,
    not_before: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy, Debug)]
enum Bound {
    Whole(usize),
    Line(usize),
}

#[derive(Debug, thiserror::Error)]
enum TooLong {
    #[error("its answer has more than {0} bytes")]
    Whole(usize),
    #[error("a line of the watch has more than {0} bytes")]
    Line(usize),
}

impl<B> BoundedBody<B> {
    fn whole(body: B) -> Self {
        Self { body, bound: Bound::Whole(MAX_LIST_BYTES), bytes: 0, end: None, not_before: None }
    }

    fn watch(body: B) -> Self {
        let not_before = Some(Box::pin(tokio::time::sleep_until(Instant::now() + SHORTEST_WATCH)));
        Self { body, bound: Bound::Line(MAX_LINE_BYTES), bytes: 0, end: None, not_before }
    }

    fn count(&mut self, data: &[u8]) -> Result<(), TooLong> {
        match self.bound {
            Bound::Whole(max) => {
                self.bytes += data.len();
                if self.bytes > max { Err(TooLong::Whole(max)) } else { Ok(()) }
            }
            Bound::Line(max) => {
                // The last part is the beginning of a line, or empty.
                for (i, part) in data.split(|b| *b == b'\n').enumerate() {
                    self.bytes = if i == 0 { self.bytes + part.len() } else { part.len() };
                    if self.bytes > max {
                        return Err(TooLong::Line(max));
                    }
                }
                Ok(())
            }
        }
    }
}

impl<B> Body for BoundedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if this.end.is_none() {
            this.end = Some(match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                None => Ok(()),
                Some(Err(error)) => Err(error.into()),
                Some(Ok(frame)) => match frame.data_ref().map_or(Ok(()), |data| this.count(data)) {
                    Ok(()) => return Poll::Ready(Some(Ok(frame))),
                    Err(error) => Err(error.into()),
                },
            });
        }
        if let Some(sleep) = &mut this.not_before {
            ready!(sleep.as_mut().poll(cx));
            this.not_before = None;
        }
        match this.end.replace(Ok(())) {
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            _ => Poll::Ready(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{TryStreamExt as _, stream};
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    type Parts = Vec<Result<&'static str, &'static str>>;

    /// What is read of `parts`, and the error that ends it.
    async fn read(bound: Bound, parts: Parts) -> (String, Option<String>) {
        let frames = stream::iter(parts).map_ok(|p| Frame::data(Bytes::from(p))).map_err(BoxError::from);
        let mut body = BoundedBody { bound, ..BoundedBody::whole(StreamBody::new(frames)) };
        let mut text = String::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => text += std::str::from_utf8(frame.data_ref().unwrap()).unwrap(),
                Err(error) => {
                    assert!(body.frame().await.is_none(), "an error is the end");
                    return (text, Some(error.to_string()));
                }
            }
        }
        (text, None)
    }

    #[tokio::test]
    async fn an_answer_ends_where_it_is_too_long() {
        let parts = || vec![Ok("ab\n"), Ok("cd")];
        assert_eq!(read(Bound::Whole(5), parts()).await, ("ab\ncd".to_owned(), None));
        let told = Some("its answer has more than 4 bytes".to_owned());
        assert_eq!(read(Bound::Whole(4), parts()).await, ("ab\n".to_owned(), told));
        let told = Some("cut".to_owned());
        assert_eq!(
            read(Bound::Whole(4), vec![Ok("ab"), Err("cut"), Ok("cd")]).await,
            ("ab".to_owned(), told)
        );
    }

    #[tokio::test]
    async fn a_line_may_come_in_parts_and_a_watch_may_have_any_number_of_lines() {
        let whole = ("abc\ndef\nghi".to_owned(), None);
        assert_eq!(read(Bound::Line(3), vec![Ok("ab"), Ok("c\nde"), Ok("f\n"), Ok("ghi")]).await, whole);
        let told = Some("a line of the watch has more than 2 bytes".to_owned());
        assert_eq!(
            read(Bound::Line(2), vec![Ok("ab"), Ok("\na"), Ok("bc\n")]).await,
            ("ab\na".to_owned(), told.clone())
        );
        assert_eq!(read(Bound::Line(2), vec![Ok("abc\n")]).await, (String::new(), told));
    }

    #[tokio::test]
    async fn the_end_of_a_watch_is_not_told_before_its_time_and_its_lines_are() {
        for last in [None, Some(Err("cut"))] {
            let parts: Parts = [Some(Ok("line\n")), last].into_iter().flatten().collect();
            let frames = stream::iter(parts).map_ok(|p| Frame::data(Bytes::from(p))).map_err(BoxError::from);
            let began = Instant::now();
            let mut body = BoundedBody::watch(StreamBody::new(frames));
            assert!(body.frame().await.unwrap().is_ok());
            assert!(body.not_before.is_some(), "a line waits for nothing");
            assert_eq!(
                body.frame().await.map(|end| end.unwrap_err().to_string()),
                last.map(|_| "cut".to_owned())
            );
            assert!(began.elapsed() >= SHORTEST_WATCH);
            assert!(body.frame().await.is_none());
        }
    }
}
