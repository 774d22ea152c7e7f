#pragma once

#include "control/ike/v1/transaction.h"

// XAUTH (draft-beaulieu-ike-xauth-02): after phase 1 one side, the server, asks the other for a user's name and password in a
// REQUEST, and says in a SET whether they are right. The name and password go under the keys of phase 1 alone, so that whoever
// knows the pre-shared key of a group may pose as its server.
namespace culvert::ike::v1 {

// Whether the connection makes us the one or the other.
bool IsXauthServer(const IkeSa& sa);
bool IsXauthClient(const IkeSa& sa);

// Server: the REQUEST, the REPLY to it, and the answer of a job that was asked about it. There is one try: the next takes
// another phase 1, whose price bounds how fast passwords are guessed.
void AskUser(Context& cx, IkeSa& sa);
void OnUserReply(Context& cx, IkeSa& sa, Exchange& exchange, const AttributesPayload& reply);
void OnUserLookUp(Context& cx, IkeSa& sa, Exchange& exchange, JobDone& done);

// Client: a REQUEST of the server's, of which there may be several that ask for one thing each, and its verdict.
void OnXauthRequest(Context& cx, IkeSa& sa, Exchange& exchange, const AttributesPayload& request);
void OnXauthSet(Context& cx, IkeSa& sa, Exchange& exchange, const AttributesPayload& set);

}  // namespace culvert::ike::v1
