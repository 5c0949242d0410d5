//! What the old web application did to stacks: removing them, and showing them to users.

use std::sync::Arc;

use dsp_protocol::api::{NewShare, Problem};
use dsp_protocol::id::{ContextId, StackId, UserId};
use dsp_protocol::statement::Role;
use dsp_protocol::sync::Command;

use super::super::Ops;
use super::super::audience::audiences;
use super::super::resolve::Found;
use super::super::scene::Scene;
use super::Refusal;
use super::attach::beginning;
use super::names::{Level, mine, new_stack};
use super::push::{Wanted, split};
use super::request::{CreateRequest, DeleteRequest, PermissionRequest, UpdateRequest};

/// Refuses a text about a stack.
fn no_readme(readme: Option<&str>) -> Result<(), Refusal> {
    match readme.is_some_and(|readme| !readme.trim().is_empty()) {
        true => Err(Refusal::unsupported(
            "a stack has no readme of its own",
            "push one as an attachment",
        )),
        false => Ok(()),
    }
}

impl Ops {
    /// Begins a stack of mine that nothing is pushed to yet: with a frame without files, so that it
    /// is there for everybody who may read it, and stays.
    ///
    /// # Errors
    /// There is one already, its name breaks a rule, or who may read it would have to be changed
    /// for more than the stack.
    pub async fn dstack_create(self: &Arc<Self>, request: &CreateRequest) -> Result<(), Refusal> {
        let turn = Arc::clone(&self.dstack.turn).lock_owned().await;
        let scene = self.scene().await?;
        self.must_be_me(&scene, &request.user).await?;
        let name = new_stack(&request.name)?;
        no_readme(request.readme.as_deref())?;
        let asked = Level::asked(request.access_level.as_deref(), request.private)?;
        if mine(&scene, &name)?.is_some() {
            return Err(Refusal::stack_exists(format!("you have a stack `{name}`")));
        }
        let current = scene.current()?;
        let wanted = match asked {
            None => self.wanted_by_default().await?,
            Some(Level::Private) => Wanted::Private,
            Some(level) if level == Level::of(&scene, current) => Wanted::Anywhere,
            Some(level) => {
                return Err(Refusal::unsupported(
                    format!(
                        "a new stack goes to the current context {}, which is {}; `{name}` was to \
                         be {}",
                        scene.label(current),
                        Level::of(&scene, current).word(),
                        level.word()
                    ),
                    "`dsp context switch` chooses another context, `dsp share` shows one to others",
                ));
            }
        };
        let context = match self.place(&scene, &name, wanted)? {
            Some(context) => context,
            None => self.private_context(&scene).await?,
        };
        self.move_stack((context, name), (beginning(), (0, 0)), turn).await
    }

    /// Removes a stack of mine; `dsp undo` brings it back.
    ///
    /// # Errors
    /// There is none, or it is not mine.
    pub async fn dstack_delete(&self, request: &DeleteRequest) -> Result<(), Refusal> {
        let scene = self.scene().await?;
        let found = self.own(&scene, &request.user, &request.name).await?;
        self.remove_stack(&exact(&found)).await?;
        Ok(())
    }

    /// Changes a stack of mine, as far as a single stack has what is to be changed.
    ///
    /// # Errors
    /// There is no such stack of mine, or it would need more than a change of the stack.
    pub async fn dstack_update(&self, request: &UpdateRequest) -> Result<(), Refusal> {
        let scene = self.scene().await?;
        let (account, name) = split(&request.stack)?;
        let found = self.own(&scene, account, name).await?;
        let level = Level::of(&scene, found.context);
        let wanted = Level::asked(request.access_level.as_deref(), request.private)?;
        no_readme(request.readme.as_deref())?;
        if request.head.is_some() {
            return Err(Refusal::unsupported(
                "a head goes forward only: its frames are its history",
                "pull the older frame and push it again, or put a tag on it: `dsp tag`",
            ));
        }
        match wanted {
            None => Err(Refusal::malformed("there is nothing to change")),
            Some(wanted) if wanted == level => Ok(()),
            Some(wanted) => {
                let label = scene.label(found.context);
                Err(Refusal::unsupported(
                    format!(
                        "who reads `{}` is decided by its context {label}, which is {}, and not \
                         for the stack alone; it was to become {}",
                        found.stack.name,
                        level.word(),
                        wanted.word()
                    ),
                    "`dsp share` shows a context or a stack to others",
                ))
            }
        }
    }

    /// Shows a stack of mine to a user.
    ///
    /// # Errors
    /// The stack is not mine, nobody is called so, or an e-mail address is named.
    pub async fn dstack_permit(
        self: &Arc<Self>,
        request: &PermissionRequest,
    ) -> Result<(), Refusal> {
        let scene = self.scene().await?;
        let (found, user) = self.permission(&scene, request).await?;
        let audiences = audiences(&scene, found.context.id, found.stack.stack);
        let reads = |context: &&_| reader_of(context, user);
        if audiences.iter().any(reads) {
            return Ok(());
        }
        let stack = exact(&found);
        let with = vec![user.to_string()];
        self.share_stack(NewShare { stack, with, history: false }).await?;
        Ok(())
    }

    /// Stops showing a stack of mine to a user; what she has already she keeps.
    ///
    /// # Errors
    /// As [`dstack_permit`](Self::dstack_permit), and that others would stop seeing it with her.
    pub async fn dstack_forbid(&self, request: &PermissionRequest) -> Result<(), Refusal> {
        let scene = self.scene().await?;
        let (found, user) = self.permission(&scene, request).await?;
        let stack = found.stack.stack;
        let shown: Vec<_> = audiences(&scene, found.context.id, stack)
            .into_iter()
            .filter(|context| reader_of(context, user))
            .collect();
        let several = shown.iter().find(|context| {
            let readers = context.members.iter().filter(|(_, role)| *role != Role::None);
            readers.filter(|(reader, _)| *reader != scene.me).count() > 1
        });
        if let Some(context) = several {
            let label = scene.label(context);
            let detail = format!("others read `{}` with her, in {label}", found.stack.name);
            return Err(Refusal::credentials(detail)
                .with_hint(format!("`dsp members remove {label} USER` removes her from there")));
        }
        let contexts: Vec<ContextId> = shown.iter().map(|context| context.id).collect();
        for context in contexts {
            self.take_out(context, stack).await?;
        }
        Ok(())
    }

    async fn take_out(&self, context: ContextId, stack: StackId) -> Result<(), Refusal> {
        let removed = self.node.run(Command::Remove { context, stack }).await;
        removed.map_err(Problem::from)?;
        Ok(())
    }

    /// Finds what a permission is about: a stack of mine, and a user.
    async fn permission<'a>(
        &self,
        scene: &'a Scene,
        request: &PermissionRequest,
    ) -> Result<(Found<'a>, UserId), Refusal> {
        let (account, name) = split(&request.path)?;
        if name.starts_with("d/") {
            return Err(super::account::dashboards());
        }
        let found = self.own(scene, account, name).await?;
        match (&request.user, &request.email) {
            (Some(user), None) => {
                let user = self.accounts(&scene.names).await?.user(scene, user)?;
                if user == scene.me {
                    return Err(Refusal::malformed("you read your own stacks anyway"));
                }
                Ok((found, user))
            }
            (None, Some(_)) => Err(Refusal::unsupported(
                "there is no e-mail here: nobody can be invited by an address",
                "`dsp share` prints a ticket that you can send her",
            )),
            _ => Err(Refusal::malformed("exactly one of `user` and `email` is named")),
        }
    }

    /// Finds a stack and makes sure that it is mine.
    async fn own<'a>(
        &self,
        scene: &'a Scene,
        account: &str,
        name: &str,
    ) -> Result<Found<'a>, Refusal> {
        self.must_be_me(scene, account).await?;
        self.accounts(&scene.names).await?.stack(scene, account, name)
    }
}

fn reader_of(context: &super::super::scene::ContextScene, user: UserId) -> bool {
    context.members.iter().any(|(member, role)| *member == user && *role != Role::None)
}

/// Returns the reference that means exactly this stack of mine.
fn exact(found: &Found<'_>) -> String {
    format!("me/{}:{}", found.context.id, found.stack.name)
}
