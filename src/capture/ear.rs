//! What an end of a connection says, as it is taken by who it is.

use std::net::IpAddr;

use crate::evidence::DnsAnswer;

use super::dialogue::Heard;
use super::dialogue::Listener;
use super::exchange::Said;
use super::names::dns;
use super::names::first::Ports;
use super::story::Mark;
use super::story::Story;
use super::stream::Piece;

/// What is known of an end while it is listened to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ear {
    /// Whether it counts as the client.
    pub(super) is_client: bool,
    /// Whether the other end cannot be the client.
    pub(super) is_sure: bool,
    /// Whether it is known to be the server: what it asks, it asks nobody.
    pub(super) is_server: bool,
    /// Whether what it says may be a question, as it is the client or was not seen to be the server.
    pub(super) may_ask: bool,
    /// Whether it was seen first.
    pub(super) by_first: bool,
    pub(super) ports: Ports,
    /// The address that the end talks to, and its own.
    pub(super) asking: IpAddr,
    pub(super) answering: IpAddr,
    pub(super) mark: Mark,
}

impl Ear {
    /// Takes what `listener` hears in the next piece of what the end says.
    pub(super) fn hear(
        &self,
        listener: &mut Listener,
        piece: Piece<'_>,
        story: &mut Story,
        answer: &mut impl FnMut(DnsAnswer),
    ) {
        listener.take(piece, self.ports, &mut |heard| match heard {
            // A server may greet first in a protocol that is known by what the client says.
            Heard::Unknown if !self.may_ask => {}
            Heard::Unknown if !self.is_client || !self.is_sure => story.suspect(self.mark),
            Heard::Opening(..)
            | Heard::Name(..)
            | Heard::Note(_)
            | Heard::Incomplete
            | Heard::Cut
                if self.is_server => {}
            Heard::Dns(message) => {
                let Ear { by_first, asking, answering, mark, .. } = *self;
                let said = Said { by_first, on_connection: true, at: mark.at };
                answer_to(message, said, asking, answering, story, answer);
            }
            heard => story.hear(heard, self.mark),
        });
    }
}

/// Takes a message of DNS that `server` said to `client`, or the other way round; the response that it is
/// goes to `answer`.
pub(super) fn answer_to(
    message: &[u8],
    said: Said,
    client: IpAddr,
    server: IpAddr,
    story: &mut Story,
    answer: &mut impl FnMut(DnsAnswer),
) {
    if let Some((response, solicited)) = story.dns(message, server, client, said) {
        let dns::Response { question, code, records, .. } = response;
        // A response to another question says nothing of addresses, not even that there are none.
        if let Some(asked) = question.asked() {
            let (at, question) = (said.at.timestamp(), question.name);
            answer(DnsAnswer { at, client, server, solicited, question, asked, code, records });
        }
    }
}
