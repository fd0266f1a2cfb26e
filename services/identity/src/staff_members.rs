//! The staff as managers look after it: who belongs to it, with which role, and who changed that.
//!
//! What must always hold: each change names the manager whose session asked for it, and is written with the change; who
//! is ended, or has another password, has no session from that moment on; there is always somebody who can do this.

use shop_contracts::identity::{
    ChangeStaffRole, NewStaffMember, SetStaffPassword, StaffChanges, StaffEntry, StaffMember, StaffMembers,
    StaffRole,
};
use shop_instrumentation::{Code, Problem};

use crate::credentials::{Username, parse_new_password};
use crate::guessable::{self, OwnWords};
use crate::identity::Identity;
use crate::storage::staff::StoredStaff;
use crate::storage::staff_members::{By, Changed};
use crate::token::Token;

/// Changes that a list shows at most.
const MOST_CHANGES: i64 = 200;

impl Identity {
    /// Everybody who is or was a member.
    pub async fn staff_members(&self, token: Option<&Token>) -> Result<StaffMembers, Problem> {
        self.manager(token).await?;
        Ok(StaffMembers { members: self.staff_members.list().await? })
    }

    /// What was changed about members, newest first.
    pub async fn staff_changes(&self, token: Option<&Token>) -> Result<StaffChanges, Problem> {
        self.manager(token).await?;
        Ok(StaffChanges { changes: self.staff_members.changes(MOST_CHANGES).await? })
    }

    /// Adds a member; the same key adds one once.
    pub async fn add_staff_member(
        &self,
        token: Option<&Token>,
        key: &str,
        request: NewStaffMember,
    ) -> Result<StaffEntry, Problem> {
        let actor = self.manager(token).await?;
        let username = username(&request.username)?;
        let password = parse_new_password("password", request.password)?;
        guessable::refuse("password", &password, &OwnWords::of_member(&username))?;
        let member = StaffMember { username: username.as_str().to_owned(), role: request.role };
        let password_hash = self.passwords.hash(&password).await?;
        let new = StoredStaff { member, password_hash };
        match self.staff_members.add(&self.by(&actor), key, &new).await? {
            Some(entry) => Ok(entry),
            None => Err(Problem::new(Code::Conflict, "there is or was a member of this name")
                .field("username", "is taken; names are never given twice")),
        }
    }

    /// Gives a member another role. It counts with the member's next request.
    pub async fn change_staff_role(
        &self,
        token: Option<&Token>,
        name: &str,
        request: ChangeStaffRole,
    ) -> Result<StaffEntry, Problem> {
        let actor = self.manager(token).await?;
        let username = username(name)?;
        changed(self.staff_members.change_role(&self.by(&actor), &username, request.role).await?)
    }

    /// Gives a member another password; every session of the member ends.
    pub async fn set_staff_password(
        &self,
        token: Option<&Token>,
        name: &str,
        request: SetStaffPassword,
    ) -> Result<StaffEntry, Problem> {
        let actor = self.manager(token).await?;
        let (username, password) = (username(name)?, parse_new_password("password", request.password)?);
        guessable::refuse("password", &password, &OwnWords::of_member(&username))?;
        let hash = self.passwords.hash(&password).await?;
        changed(self.staff_members.set_password(&self.by(&actor), &username, &hash).await?)
    }

    /// Ends a member, with every session; asked again, nothing changes.
    pub async fn end_staff_member(&self, token: Option<&Token>, name: &str) -> Result<StaffEntry, Problem> {
        let actor = self.manager(token).await?;
        changed(self.staff_members.end(&self.by(&actor), &username(name)?).await?)
    }

    /// Who asks, if that is a manager.
    async fn manager(&self, token: Option<&Token>) -> Result<StaffMember, Problem> {
        let member = self.staff_session(token).await?;
        if member.role == StaffRole::Manager {
            Ok(member)
        } else {
            Err(Problem::new(Code::Forbidden, "only managers look after the staff"))
        }
    }

    fn by<'a>(&self, actor: &'a StaffMember) -> By<'a> {
        By { actor: &actor.username, at: self.clock.now() }
    }
}

fn username(name: &str) -> Result<Username, Problem> {
    Username::parse(name).ok_or_else(|| {
        Problem::new(Code::Invalid, "that is no name of a member")
            .field("username", "must be 1 to 40 lower-case letters, digits, dots, dashes and underscores")
    })
}

fn changed(outcome: Changed) -> Result<StaffEntry, Problem> {
    match outcome {
        Changed::Done(entry) => Ok(entry),
        Changed::NoMember => Err(Problem::new(Code::NotFound, "there is no such member")),
        Changed::Ended => Err(Problem::new(Code::Conflict, "the member is ended")),
        Changed::LastManager => Err(Problem::new(
            Code::Conflict,
            "somebody has to stay who can look after the staff: this is the last manager",
        )),
    }
}
