import { after, type Act } from "./acts";
import type { Dashboard } from "./model";
import type { NewCard } from "./suggest";
export interface Listed { id: string; title: string; text: string; context: string; creator: string; cards: number; changed: string; writable: boolean }
export interface Opened extends Listed { board: Dashboard }
const load = (): Dashboard[] => JSON.parse(localStorage.getItem("boards") ?? "[]");
const save = (all: Dashboard[]) => localStorage.setItem("boards", JSON.stringify(all));
const listed = (board: Dashboard): Opened => ({ id: board.id, title: board.title, text: board.text, context: "alice/main", creator: "alice", cards: board.cards.length, changed: new Date().toISOString(), writable: true, board });
export async function listBoards() { return load().map(listed); }
export async function openBoard(id: string) { return listed(load().find((one) => one.id === id) as Dashboard); }
export async function newBoard(_context: string, title: string, cards: NewCard[]) { const id = `b${load().length}`; save([...load(), { id, title, text: "", params: {}, cards: cards.map((card, at) => ({ ...card, id: `c${at}` })) }]); return id; }
export async function act(id: string, done: Act) { save(load().map((one) => (one.id === id ? after(one, done) : one))); }
export async function undo(_id: string) {}
export async function removeBoard(id: string) { save(load().filter((one) => one.id !== id)); }
