/** How the page looks and what it says: theme, tab, drawer, announcements. */

import type { Theme } from "../map/colours";

export const TABS = ["latent", "edit", "path", "neighbours", "compare"] as const;
export type Tab = (typeof TABS)[number];
export const DRAWERS = ["tray", "outliers", "rows", "report"] as const;
export type Drawer = (typeof DRAWERS)[number];

const KEYS_OFF = "latentarium.keys";

export class Look {
  chosenTheme = $state<Theme | null>(null);
  systemDark = $state(false);
  tab = $state<Tab>("latent");
  drawer = $state<Drawer | null>(null);
  help = $state(false);
  said = $state("");
  /** Whether single letters are commands (WCAG 2.1.4 wants a way to switch that off). */
  keys = $state(true);
  /** Whether the system's own colours are in force, which the theme then has to follow. */
  forced = $state(false);
  theme: Theme = $derived((this.forced ? null : this.chosenTheme) ?? (this.systemDark ? "dark" : "light"));

  constructor() {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    this.systemDark = dark.matches;
    dark.addEventListener("change", () => (this.systemDark = dark.matches));
    const forced = matchMedia("(forced-colors: active)");
    this.forced = forced.matches;
    forced.addEventListener("change", () => (this.forced = forced.matches));
    this.keys = stored(KEYS_OFF) !== "off";
  }

  turnTheme(): void {
    this.chosenTheme = this.theme === "dark" ? "light" : "dark";
  }

  setKeys(on: boolean): void {
    this.keys = on;
    store(KEYS_OFF, on ? "on" : "off");
  }

  /** Say something to those who listen instead of looking. */
  say(words: string): void {
    // the same words again would not be read again
    this.said = this.said === words ? `${words}\u00a0` : words;
  }

  openDrawer(drawer: Drawer): void {
    this.drawer = this.drawer === drawer ? null : drawer;
  }
}

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // a page without storage forgets it
  }
}
