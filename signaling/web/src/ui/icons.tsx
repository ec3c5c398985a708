import type { ComponentChildren, JSX } from 'preact';

function Icon({ children }: { children: ComponentChildren }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false" fill="none"
      stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">
      {children}
    </svg>
  );
}

export const MicIcon = (): JSX.Element => (
  <Icon>
    <rect x="9" y="3" width="6" height="11" rx="3" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" />
  </Icon>
);

export const MicOffIcon = (): JSX.Element => (
  <Icon>
    <path d="M15 9.5V6a3 3 0 0 0-5.7-1.3M9 9v2a3 3 0 0 0 4.6 2.5" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 10.4 5.2M18.5 11.5c0 .9-.2 1.7-.5 2.5M12 18v3M4 4l16 16" />
  </Icon>
);

export const ChatIcon = (): JSX.Element => (
  <Icon>
    <path d="M4 6.5A2.5 2.5 0 0 1 6.5 4h11A2.5 2.5 0 0 1 20 6.5v7a2.5 2.5 0 0 1-2.5 2.5H10l-4.5 4v-4A2 2 0 0 1 4 14z" />
  </Icon>
);

export const LeaveIcon = (): JSX.Element => (
  <Icon>
    <path d="M3.5 14.5c-.6-2 .2-3.6 2-4.5 4-2 9-2 13 0 1.8.9 2.6 2.5 2 4.5-.2.6-.7.9-1.3.8l-2.7-.5a1.2 1.2 0 0 1-1-1.1l-.2-1.6a11 11 0 0 0-6.6 0l-.2 1.6a1.2 1.2 0 0 1-1 1.1l-2.7.5c-.6.1-1.1-.2-1.3-.8z" />
  </Icon>
);

export const LinkIcon = (): JSX.Element => (
  <Icon>
    <path d="M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7l1-1" />
  </Icon>
);

export const CheckIcon = (): JSX.Element => (
  <Icon>
    <path d="m5 12.5 4.5 4.5L19 7.5" />
  </Icon>
);

export const SettingsIcon = (): JSX.Element => (
  <Icon>
    <path d="M4 7h9M19 7h1M4 17h1M11 17h9" />
    <circle cx="16" cy="7" r="2.5" />
    <circle cx="8" cy="17" r="2.5" />
  </Icon>
);

export const MoreIcon = (): JSX.Element => (
  <Icon>
    <circle cx="6" cy="12" r=".8" fill="currentColor" />
    <circle cx="12" cy="12" r=".8" fill="currentColor" />
    <circle cx="18" cy="12" r=".8" fill="currentColor" />
  </Icon>
);

export const CloseIcon = (): JSX.Element => (
  <Icon>
    <path d="m6 6 12 12M18 6 6 18" />
  </Icon>
);

export const SendIcon = (): JSX.Element => (
  <Icon>
    <path d="M12 19V5M6 11l6-6 6 6" />
  </Icon>
);

export const TrashIcon = (): JSX.Element => (
  <Icon>
    <path d="M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.5 11v5M13.5 11v5" />
  </Icon>
);

export const VolumeIcon = (): JSX.Element => (
  <Icon>
    <path d="M4 10v4h3.5L12 18V6L7.5 10zM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11" />
  </Icon>
);

export const ShieldIcon = (): JSX.Element => (
  <Icon>
    <path d="M12 3.5 5 6v5.5c0 4.2 2.9 7.3 7 9 4.1-1.7 7-4.8 7-9V6z" />
  </Icon>
);

export const DirectIcon = (): JSX.Element => (
  <Icon>
    <circle cx="5" cy="12" r="3" />
    <circle cx="19" cy="12" r="3" />
    <path d="M8.5 12h7" />
  </Icon>
);

export const RelayIcon = (): JSX.Element => (
  <Icon>
    <circle cx="5" cy="17.5" r="2.8" />
    <circle cx="19" cy="17.5" r="2.8" />
    <circle cx="12" cy="6" r="2.8" />
    <path d="m6.6 15 3.8-6.4M17.4 15l-3.8-6.4" />
  </Icon>
);

export const Logo = (): JSX.Element => (
  <svg class="logo" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" focusable="false">
    <rect class="logo-ground" width="32" height="32" rx="9" />
    <path class="logo-way" d="M8.5 22 16 10.5 23.5 22" />
    <circle class="logo-peer" cx="8.5" cy="22" r="3" />
    <circle class="logo-peer" cx="23.5" cy="22" r="3" />
    <circle class="logo-relay" cx="16" cy="10" r="3" />
  </svg>
);
